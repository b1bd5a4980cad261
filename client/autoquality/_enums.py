"""The contract's enums as Python enums: each value is the name in lower case.

A newer server may send a value that this client does not know. It becomes `UNKNOWN`, and its
number stays readable in the raw `.message`.
"""

from __future__ import annotations

import enum
import re
from typing import Any, TypeVar

from google.protobuf.descriptor import EnumDescriptor

from autoquality.v1 import encoding_pb2 as pb

_E = TypeVar("_E", bound=enum.StrEnum)


JPG = "jpg"
"""Another name of JPEG, which many programs use."""


class Format(enum.StrEnum):
    """A file format that the service writes. "jpg" is another name of JPEG."""

    JPEG = enum.auto()
    WEBP = enum.auto()
    AVIF = enum.auto()
    PNG = enum.auto()
    JXL = enum.auto()
    UNKNOWN = enum.auto()

    @property
    def suffix(self) -> str:
        """The usual suffix of a file name, with its dot: `.jpg`, `.webp` ..."""
        return ".jpg" if self is Format.JPEG else f".{self.value}"

    @classmethod
    def _missing_(cls, value: object) -> Format | None:
        return cls.JPEG if value == JPG else None


class Method(enum.StrEnum):
    """How the quality is chosen. The values are imgproxy's names, or a metric's."""

    NONE = enum.auto()
    """No search: the given quality, or the format's default."""
    SIZE = enum.auto()
    """The highest quality whose file has at most `target` bytes."""
    DSSIM = enum.auto()
    """A quality whose DSSIM is within the allowed error of the target."""
    ML = enum.auto()
    """Like DSSIM or SSIMULACRA2, but starts from a neural network's prediction."""
    SSIMULACRA2 = enum.auto()
    """A quality whose SSIMULACRA2 is within the allowed error of the target."""
    UNKNOWN = enum.auto()


class Metric(enum.StrEnum):
    """How to measure the difference between an image and its source."""

    DSSIM = enum.auto()
    """0 (identical) to 1. A mean over luma."""
    SSIMULACRA2 = enum.auto()
    """100 (identical) to 0 and below. Agrees better with what people see."""
    UNKNOWN = enum.auto()


class Outcome(enum.StrEnum):
    """Why the search stopped."""

    TARGET_MET = enum.auto()
    """The size is within budget, or the score is within the allowed error."""
    MIN_QUALITY_REACHED = enum.auto()
    """Even the lowest quality misses the target. The result has this quality."""
    MAX_QUALITY_REACHED = enum.auto()
    """Even the highest quality misses the target. The result has this quality."""
    FIXED_QUALITY = enum.auto()
    """There was no search."""
    DEADLINE_REACHED = enum.auto()
    """No time was left for another probe. The result is the best so far."""
    NEAREST_QUALITY = enum.auto()
    """No quality is within the allowed error. The result has the nearest."""
    PREDICTION_TRUSTED = enum.auto()
    """The result has the predicted quality. Nothing was measured."""
    NO_QUALITY = enum.auto()
    """The format has no quality setting."""
    MAX_BYTES_REACHED = enum.auto()
    """`max_bytes` keeps the result from the target. The next quality exceeds it."""
    MAX_DSSIM_REACHED = enum.auto()
    """`max_dssim` keeps the result from the target, which would look worse."""
    MIN_SSIMULACRA2_REACHED = enum.auto()
    """`min_ssimulacra2` keeps the result from the target, which would look worse."""
    LIMITS_CONFLICT = enum.auto()
    """No quality is within all limits. The result has the highest quality within that on bytes, or
    the lowest quality."""
    SOURCE_KEPT = enum.auto()
    """The result is the source. It is not larger than the encoding and shows the same image."""
    LOSSLESS_SMALLER = enum.auto()
    """The result is without loss, and smaller than one that meets the target."""
    UNKNOWN = enum.auto()


class NoticeCode(enum.StrEnum):
    """Kinds of notices."""

    NETWORK_UNAVAILABLE = enum.auto()
    """There is no network for the format and the metric, or it failed. ML was not used."""
    FORMAT_SUBSTITUTED = enum.auto()
    """The requested format cannot hold this image. Another format replaced it."""
    FIRST_FRAME_ONLY = enum.auto()
    """The source has several frames or pages. Only the first was encoded."""
    ALPHA_FLATTENED = enum.auto()
    """Transparency was flattened on the background."""
    TARGET_UNUSED = enum.auto()
    """The request has a target, but the method is NONE, or the file has no quality."""
    SOURCE_TRUNCATED = enum.auto()
    """The source is truncated or damaged. Its readable part was encoded."""
    HDR_TONE_MAPPED = enum.auto()
    """The source is HDR. Its brightness was mapped to the range of SDR."""
    COLORS_CLIPPED = enum.auto()
    """Visible colours outside sRGB were clipped."""
    METADATA_DROPPED = enum.auto()
    """Metadata was dropped: it did not fit the format or the byte budget, or was damaged."""
    GAIN_MAP_DROPPED = enum.auto()
    """The source's gain map for HDR screens was dropped."""
    ALPHA_QUALITY_LOWERED = enum.auto()
    """The alpha channel was compressed with loss to meet the byte budget."""
    QUALITY_CAPPED = enum.auto()
    """The answer has the quality of the source, and none higher was allowed."""
    SEARCH_SKIPPED = enum.auto()
    """The image has too many pixels for a search. The predicted quality was used."""
    IMAGE_SHRUNK = enum.auto()
    """The image was reduced in pixels to meet the byte budget."""
    LIMIT_EXCEEDED = enum.auto()
    """The result exceeds a limit, or there was no time to check one."""
    CANDIDATE_SKIPPED = enum.auto()
    """No time was left to try a candidate that might have won."""
    DEFAULT_BOUND_REACHED = enum.auto()
    """A default of `min_quality` or `max_quality` keeps the result from its target."""
    FULL_CHROMA = enum.auto()
    """The result has full chroma: the target is inside the jump of the score at quality 90."""
    UNKNOWN = enum.auto()


class Verdict(enum.StrEnum):
    """What became of a candidate."""

    CHOSEN = enum.auto()
    """It is the answer."""
    LARGER = enum.auto()
    """Its file meets the target and is larger."""
    LOOKS_WORSE = enum.auto()
    """Its file looks worse."""
    PREDICTED_LARGER = enum.auto()
    """Its file was predicted to be larger."""
    PREDICTED_WORSE = enum.auto()
    """Its file was predicted to look worse."""
    MISSES_TARGET = enum.auto()
    """Its file misses the target, and that of another candidate does not."""
    CANNOT_HOLD_IMAGE = enum.auto()
    """Another format loses less of the image."""
    NO_TIME = enum.auto()
    """The deadline left no time to try it."""
    UNKNOWN = enum.auto()


class Chroma(enum.StrEnum):
    """The resolution of colour in a file."""

    BY_QUALITY = enum.auto()
    """JPEG and AVIF: halved below quality 90, full from quality 90 on."""
    SUBSAMPLED = enum.auto()
    """Halved in both directions."""
    FULL = enum.auto()
    """JPEG and AVIF: full resolution."""
    SHARP = enum.auto()
    """WebP: halved, with sharper colour edges."""
    AUTO = enum.auto()
    """The better of two: by quality or full, and for WebP subsampled or sharp."""
    UNKNOWN = enum.auto()


class Lossless(enum.StrEnum):
    """When a format with and without loss is written without loss."""

    NEVER = enum.auto()
    SMALLER = enum.auto()
    """If a search finds that it is smaller."""
    ALWAYS = enum.auto()


class Stage(enum.StrEnum):
    """The latest event of a streamed request."""

    ACCEPTED = enum.auto()
    """The request is valid. The client sends the source."""
    RECEIVED = enum.auto()
    """The whole source has arrived."""
    QUEUED = enum.auto()
    """The source is usable and waits for a worker."""
    STARTED = enum.auto()
    """A worker has begun to decode the source."""
    PROBED = enum.auto()
    """The server made an encoding."""
    UNKNOWN = enum.auto()


class ColorProfile(enum.StrEnum):
    """What happens to the colours of the source."""

    SRGB = enum.auto()
    """Convert to sRGB and write no profile."""
    KEEP = enum.auto()
    """Keep the samples and the source's profile."""


class WebpPreset(enum.StrEnum):
    """The kind of content that the WebP encoder is tuned for."""

    DEFAULT = enum.auto()
    PICTURE = enum.auto()
    PHOTO = enum.auto()
    DRAWING = enum.auto()
    ICON = enum.auto()
    TEXT = enum.auto()


CONTRACT: dict[type[enum.StrEnum], EnumDescriptor] = {
    Format: pb.Format.DESCRIPTOR,
    Method: pb.Method.DESCRIPTOR,
    Metric: pb.Metric.DESCRIPTOR,
    Outcome: pb.Outcome.DESCRIPTOR,
    NoticeCode: pb.Notice.Code.DESCRIPTOR,
    Stage: pb.EncodeProgress.Stage.DESCRIPTOR,
    ColorProfile: pb.ColorProfile.DESCRIPTOR,
    WebpPreset: pb.WebpPreset.DESCRIPTOR,
    Verdict: pb.Candidate.Verdict.DESCRIPTOR,
    Chroma: pb.Chroma.DESCRIPTOR,
    Lossless: pb.Lossless.DESCRIPTOR,
}
"""Each enum with the contract's enum that it mirrors."""

_BY_NAME = {descriptor.full_name: kind for kind, descriptor in CONTRACT.items()}


_ARGUMENTS = re.compile(r"\b(METHOD|METRIC)_([A-Z0-9_]+)")


def plain(text: str) -> str:
    """Return a server's text with the client's names of methods and metrics: `method size`."""
    return _ARGUMENTS.sub(lambda match: match[0].replace("_", " ", 1).lower(), text)


def from_number(descriptor: EnumDescriptor, number: int) -> Any:
    """Return the member for a number of the contract's enum, `UNKNOWN` for any other number."""
    kind = _BY_NAME[descriptor.full_name]
    value = descriptor.values_by_number.get(number)
    name = "" if value is None else value.name.removeprefix(prefix(descriptor))
    return kind[name] if name in kind.__members__ else kind["UNKNOWN"]


def to_number(descriptor: EnumDescriptor, value: str, field: str) -> int:
    """Return the number in the contract's enum of a member, or of its name in any case.

    Raises ValueError, which names `field` and the choices.
    """
    member = parse(_BY_NAME[descriptor.full_name], value, field)
    return descriptor.values_by_name[prefix(descriptor) + member.name].number


def prefix(descriptor: EnumDescriptor) -> str:
    """Return what all names of the contract's enum begin with, "FORMAT_" for example."""
    return descriptor.values_by_number[0].name.removesuffix("UNSPECIFIED")


def parse(kind: type[_E], value: str, field: str) -> _E:
    """Return the member of `kind` with this name, in any case.

    Raises ValueError, which names `field` and the choices.
    """
    try:
        member = kind(value.lower())
    except ValueError:
        member = None
    if member is None or member.name == "UNKNOWN":
        choices = [str(one.value) for one in kind if one.name != "UNKNOWN"]
        raise ValueError(f"{field} must be one of {', '.join(choices)}, not {str(value)!r}")
    return member
