"""Label sweeps: what every quality of a sample comes to, kept so that no encoding is made twice."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import numpy.typing as npt

from autoquality_server.codecs import BEST_MOZJPEG, CODECS, library_versions
from autoquality_server.domain import EncoderOptions, Format
from autoquality_server.dssim import Reference
from autoquality_server.image import Pixels, luma
from autoquality_train.samples import Sample, digest_of

FloatArray = npt.NDArray[np.float64]

SETTINGS = {
    "jpeg": (Format.JPEG, EncoderOptions()),
    "jpeg-mozjpeg": (Format.JPEG, EncoderOptions(jpeg=BEST_MOZJPEG)),
    "webp": (Format.WEBP, EncoderOptions()),
    "avif": (Format.AVIF, EncoderOptions()),
}
"""The encoder settings that curves and networks are learned for."""

ALL = tuple(range(1, 101))

SOME = (5, 10, 15, 21, 28, 35, 42, 50, 58, 66, 73, 79, 84, 88, 90, 93, 96, 99)
"""Enough of the qualities to draw a smooth curve by; close where curves are steep."""


@dataclass(frozen=True, slots=True)
class Sweep:
    """`dssim` and `bytes_per_pixel` at `qualities`, all of one length."""

    qualities: npt.NDArray[np.int64]
    dssim: FloatArray
    bytes_per_pixel: FloatArray


def sweep(pixels: Pixels, setting: str, qualities: Sequence[int] = ALL) -> Sweep:
    """Encode at each of `qualities`, decode and measure."""
    fmt, options = SETTINGS[setting]
    codec = CODECS[fmt]
    reference = Reference(luma(pixels))
    dssim, size = np.empty(len(qualities)), np.empty(len(qualities))
    for at, quality in enumerate(qualities):
        data = codec.encode(pixels, quality, options)
        dssim[at] = reference.dssim(codec.decode_luma(data, pixels))
        size[at] = len(data) / (pixels.width * pixels.height)
    return Sweep(np.array(qualities), dssim, size)


def kept_sweep(
    sample: Sample, setting: str, folder: Path, qualities: Sequence[int] = ALL
) -> Sweep:
    """As `sweep`, from `folder` if it was made before by the same encoders.

    A file that is damaged is made again.
    """
    pixels = sample.pixels()
    kept = folder / f"{digest_of(pixels)}-{made_by(setting, qualities)}.{setting}.npz"
    found = _read(kept)
    if found is None:
        found = sweep(pixels, setting, qualities)
        # A folder of its own: equal samples may be swept at the same time.
        with TemporaryDirectory(dir=folder) as temporary:
            made = Path(temporary, kept.name)
            np.savez(
                made,
                qualities=found.qualities,
                dssim=found.dssim,
                bytes_per_pixel=found.bytes_per_pixel,
            )
            made.replace(kept)
    return found


def made_by(setting: str, qualities: Sequence[int]) -> str:
    """A short digest of all that a sweep depends on but the pixels."""
    told = repr((SETTINGS[setting], tuple(qualities), sorted(library_versions().items())))
    return hashlib.sha256(told.encode()).hexdigest()[:8]


def _read(path: Path) -> Sweep | None:
    """A kept sweep; None where there is none, or none that its checksums (the zip's) vouch for."""
    try:
        with np.load(path) as arrays:
            return Sweep(arrays["qualities"], arrays["dssim"], arrays["bytes_per_pixel"])
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
