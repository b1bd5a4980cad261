"""Sweeps: what every quality of an image comes to, kept so that no encoding is made twice."""

from __future__ import annotations

import hashlib
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import numpy.typing as npt

from autoquality_server.codecs import BEST_MOZJPEG, CODECS, library_versions
from autoquality_server.domain import EncoderOptions, Format, RawSource
from autoquality_server.dssim import Reference
from autoquality_server.image import ImageLimits, Pixels, from_raw, luma, open_image

FloatArray = npt.NDArray[np.float64]

SETTINGS = {
    "jpeg": (Format.JPEG, EncoderOptions()),
    "jpeg-mozjpeg": (Format.JPEG, EncoderOptions(jpeg=BEST_MOZJPEG)),
    "webp": (Format.WEBP, EncoderOptions()),
    "avif": (Format.AVIF, EncoderOptions()),
}
"""The encoder settings that curves are learned for."""

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "build" / "sweeps"


def decode(path: Path, side: int | None) -> Pixels:
    """The image without alpha; with `side`, its middle of that many pixels squared."""
    pixels = open_image(path.read_bytes(), ImageLimits(2**30, 2**30)).decode(all_frames=False)
    if pixels.has_alpha:
        pixels = pixels.flattened((255, 255, 255))
    if side is None:
        return pixels
    width, height = min(side, pixels.width), min(side, pixels.height)
    left, top = (pixels.width - width) // 2, (pixels.height - height) // 2
    middle = pixels.samples[0, top : top + height, left : left + width].tobytes()
    return from_raw(RawSource(width, height, pixels.bands, middle), ImageLimits(2**30, 2**30))


def sweep(path: Path, side: int | None, setting: str) -> tuple[FloatArray, FloatArray]:
    """DSSIM and bytes per pixel of one image at q = 1..100, both of shape (100,)."""
    fmt, options = SETTINGS[setting]
    codec = CODECS[fmt]
    pixels = decode(path, side)
    reference = Reference(luma(pixels))
    dssim, size = np.empty(100), np.empty(100)
    for quality in range(1, 101):
        data = codec.encode(pixels, quality, options)
        dssim[quality - 1] = reference.dssim(codec.decode_luma(data, pixels))
        size[quality - 1] = len(data) / (pixels.width * pixels.height)
    return dssim, size


def kept_sweep(
    sample: tuple[Path, int | None], setting: str, folder: Path
) -> tuple[FloatArray, FloatArray]:
    """As `sweep`, from `folder` if it was made before by the same encoders."""
    path, side = sample
    made_by = repr((SETTINGS[setting], sorted(library_versions().items())))
    digest = hashlib.sha256(path.read_bytes() + made_by.encode()).hexdigest()[:16]
    kept = folder / f"{digest}{'' if side is None else f'-{side}'}.{setting}.npz"
    if not kept.exists():
        dssim, size = sweep(path, side, setting)
        # A folder of its own: equal images may be swept at the same time.
        with TemporaryDirectory(dir=folder) as temporary:
            made = Path(temporary, kept.name)
            np.savez(made, dssim=dssim, size=size)
            made.replace(kept)
    with np.load(kept) as arrays:
        return arrays["dssim"], arrays["size"]
