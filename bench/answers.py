"""Checks that an answer of the service matches its own claims. Pillow decodes all but JPEG XL."""

from __future__ import annotations

import io
import warnings

import imagecodecs
from PIL import Image

from autoquality import Encoded, Format, Method, NoticeCode, Outcome

# A GIF or WebP may have more pixels than Pillow allows; the server has its own limit.
Image.MAX_IMAGE_PIXELS = None

_SEARCHES = (Method.SIZE, Method.DSSIM, Method.ML)


def fault(answer: Encoded, requested: str | None = None) -> str | None:
    """What is wrong with the answer to a request for a format; None if nothing is."""
    return _file_fault(answer) or _format_fault(answer, requested) or _claim_fault(answer)


def _file_fault(answer: Encoded) -> str | None:
    """The file must decode, and have the format, sides and frames of the answer."""
    if len(answer.image) != answer.size_bytes:
        return f"claims {answer.size_bytes} bytes, has {len(answer.image)}"
    if answer.format is Format.JXL:
        return _jxl_fault(answer)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            image = Image.open(io.BytesIO(answer.image))
            image.load()
    except (OSError, ValueError, SyntaxError) as error:
        return f"does not decode: {error}"
    found = (str(image.format).lower(), *image.size, getattr(image, "n_frames", 1))
    claimed = (answer.format.value, answer.width, answer.height, answer.frames)
    return None if found == claimed else f"claims {claimed}, is {found}"


def _jxl_fault(answer: Encoded) -> str | None:
    """As `_file_fault`. The samples have an axis only for several frames or bands."""
    try:
        shape = imagecodecs.jpegxl_decode(answer.image).shape
    except (RuntimeError, ValueError) as error:
        return f"does not decode: {error}"
    claimed = (*((answer.frames,) if answer.frames > 1 else ()), answer.height, answer.width)
    return None if shape[: len(claimed)] == claimed else f"claims {claimed}, is {shape}"


def _format_fault(answer: Encoded, requested: str | None) -> str | None:
    substituted = any(one.code is NoticeCode.FORMAT_SUBSTITUTED for one in answer.notices)
    if requested is None or answer.format.value == requested or substituted:
        return None
    return f"{requested} was requested, but the answer is {answer.format}"


def _claim_fault(answer: Encoded) -> str | None:
    """Quality, outcome and probes must be consistent."""
    applied = answer.applied
    if answer.iterations != len(answer.probes):
        return f"claims {answer.iterations} encodings, shows {len(answer.probes)}"
    if answer.quality is None or applied.method not in _SEARCHES:
        return None
    low, high = applied.min_quality or 0, applied.max_quality or 0
    if not low <= answer.quality <= high:
        return f"quality {answer.quality} is not from {low} to {high}"
    wrong = _target_fault(answer) if answer.outcome is Outcome.TARGET_MET else None
    return wrong or _limit_fault(answer)


def _limit_fault(answer: Encoded) -> str | None:
    """What exceeds a limit must be said."""
    applied, over = answer.applied, []
    if applied.max_bytes is not None and answer.size_bytes > applied.max_bytes:
        over.append("max_bytes")
    if applied.max_dssim is not None and (answer.dssim or 0.0) > applied.max_dssim:
        over.append("max_dssim")
    least = applied.min_ssimulacra2
    if least is not None and answer.ssimulacra2 is not None and answer.ssimulacra2 < least:
        over.append("min_ssimulacra2")
    message = next((one for one in answer.notices if one.code is NoticeCode.LIMIT_EXCEEDED), None)
    said = "" if message is None else message.message
    silent = [name for name in over if name not in said]
    return f"exceeds {', '.join(silent)} in silence" if silent else None


def _target_fault(answer: Encoded) -> str | None:
    """With the outcome TARGET_MET, the target must be met."""
    applied = answer.applied
    target, error = applied.target or 0.0, applied.allowed_error or 0.0
    if applied.method is Method.SIZE:
        target = min(target, applied.max_bytes or target)
        return None if answer.size_bytes <= target else f"{answer.size_bytes} is over {target:g}"
    if answer.dssim is None or abs(answer.dssim - target) > error + 1e-9:
        return f"claims the target {target:g}, reached {answer.dssim}"
    return None
