"""Sweeps: size and scores of a sample at many qualities, stored so that none is encoded twice."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from autoquality_core.formats import (
    BEST_MOZJPEG,
    AvifEncoder,
    AvifOptions,
    Encoder,
    JpegEncoder,
    JpegOptions,
    JxlEncoder,
    JxlOptions,
    PngEncoder,
    WebpEncoder,
    WebpOptions,
    library_versions,
)
from autoquality_core.images import Pixels
from autoquality_core.metrics import METRICS, Metric
from autoquality_core.types import Chroma, Format, Lossless
from autoquality_train.files import atomic

FloatArray = npt.NDArray[np.float64]

SETTINGS: dict[str, Encoder] = {
    "jpeg": JpegEncoder(),
    "jpeg-mozjpeg": JpegEncoder(BEST_MOZJPEG),
    "webp": WebpEncoder(),
    "avif": AvifEncoder(),
    "jxl": JxlEncoder(),
}
"""The encoder settings that curves and networks are learned for."""

EFFORTS: dict[str, Encoder] = {
    **{f"webp-effort-{one}": WebpEncoder(WebpOptions(effort=one)) for one in (0, 1, 2, 6)},
    **{f"avif-speed-{one}": AvifEncoder(AvifOptions(speed=one)) for one in (4, 6, 7, 9)},
    **{f"jxl-effort-{one}": JxlEncoder(JxlOptions(effort=one)) for one in (1, 3, 4, 7)},
}
"""Other efforts; the distance of their curves from those of the usual settings is learned."""

CHROMA: dict[str, Encoder] = {
    "jpeg-full": JpegEncoder(JpegOptions(chroma=Chroma.FULL)),
    "jpeg-mozjpeg-full": JpegEncoder(replace(BEST_MOZJPEG, no_subsample=True)),
    "webp-sharp": WebpEncoder(WebpOptions(smart_subsample=True)),
    "avif-full": AvifEncoder(AvifOptions(chroma=Chroma.FULL)),
}
"""Settings with another chroma, which are learned like other efforts."""

USUAL = {
    **{setting: encoder.learned for setting, encoder in EFFORTS.items()},
    "jpeg-full": "jpeg",
    "jpeg-mozjpeg-full": "jpeg-mozjpeg",
    "webp-sharp": "webp",
    "avif-full": "avif",
}
"""The usual setting for each with another effort or chroma."""

LOSSLESS: dict[str, Encoder] = {
    "webp-lossless": WebpEncoder(WebpOptions(lossless=Lossless.ALWAYS)),
    "jxl-lossless": JxlEncoder(JxlOptions(lossless=True)),
    "png": PngEncoder(),
}
"""Settings without a quality, of which only the size is learned, for a choice among encoders."""

SWEPT = SETTINGS | EFFORTS | CHROMA | LOSSLESS
"""All settings that can be labelled."""

NETWORKS = {"jpeg": "jpeg-mozjpeg", "webp": "webp", "avif": "avif", "jxl": "jxl"}
"""The encoder setting that METHOD_ML uses for each format."""

_NEWER: dict[Format, set[str]] = {
    Format.JPEG: {"chroma"},
    Format.WEBP: {"chroma", "lossless"},
    Format.AVIF: {"chroma"},
}
"""Options that did not exist when the first labels were made: they change a name only if set."""

ALL = tuple(range(1, 101))

SOME = (5, 10, 15, 21, 28, 35, 42, 50, 58, 66, 73, 79, 84, 88, 90, 93, 96, 99)
"""Enough qualities to draw a smooth curve; close together where curves are steep."""


@dataclass(frozen=True, slots=True)
class Sweep:
    """`scores` by metric and `bytes_per_pixel` at `qualities` (rising), all of one length."""

    qualities: npt.NDArray[np.int64]
    scores: Mapping[str, FloatArray]
    bytes_per_pixel: FloatArray

    def values(self, metric: Metric) -> FloatArray:
        """The scores of `metric` on the scale of curves: finite, higher looks better."""
        return np.array([metric.value(one) for one in self.scores[metric.name]])

    def at(self, qualities: npt.NDArray[np.int64]) -> Sweep:
        """The part of the sweep at those of `qualities` that it has."""
        kept = np.isin(self.qualities, qualities)
        scores = {name: one[kept] for name, one in self.scores.items()}
        return Sweep(self.qualities[kept], scores, self.bytes_per_pixel[kept])

    @property
    def complete(self) -> bool:
        """True if every quality was tried."""
        return self.qualities.size == len(ALL)


def sweep(pixels: Pixels, setting: str, qualities: Sequence[int] = ALL) -> Sweep:
    """Encode at each of `qualities`, decode and measure; equivalent qualities once."""
    encoder = SWEPT[setting]
    first = encoder.equivalents(has_alpha=pixels.has_alpha)
    references = [metric.reference(pixels) for metric in METRICS.values()]
    made: dict[int, list[float]] = {}
    for quality in qualities:
        one = first[quality - 1]
        if one not in made:
            data = encoder.encode(pixels, one)
            decoded = encoder.decode(data, pixels)
            size = len(data) / (pixels.width * pixels.height)
            made[one] = [size, *(reference.score(decoded) for reference in references)]
    sizes, *scores = np.array([made[first[quality - 1]] for quality in qualities]).T.copy()
    return Sweep(np.array(qualities), dict(zip(METRICS, scores, strict=True)), sizes)


def cached_sweep(
    pixels: Pixels, digest: str, setting: str, folder: Path, qualities: Sequence[int] = ALL
) -> Sweep:
    """As `sweep`, but from `folder` if the same encoders made it before.

    `digest` is the name of the pixels (`digest_of`). A damaged file is written again.
    """
    path = sweep_file(digest, setting, folder, qualities)
    found = _read(path)
    if found is None:
        found = sweep(pixels, setting, qualities)
        with atomic(path) as partial, partial.open("wb") as stream:
            scores: Any = found.scores
            np.savez(
                stream,
                qualities=found.qualities,
                bytes_per_pixel=found.bytes_per_pixel,
                **scores,
            )
    return found


def load_sweep(digest: str, setting: str, folder: Path) -> Sweep | None:
    """The sweep of a sample in `folder` with the most qualities; None if there is none."""
    for qualities in (ALL, SOME):
        found = _read(sweep_file(digest, setting, folder, qualities))
        if found is not None:
            return found
    return None


def sweep_file(digest: str, setting: str, folder: Path, qualities: Sequence[int]) -> Path:
    """The file of a sweep."""
    return folder / f"{digest}-{made_by(setting, qualities)}.{setting}.npz"


def made_by(setting: str, qualities: Sequence[int]) -> str:
    """A short digest of everything but the pixels that a sweep depends on."""
    encoder = SWEPT[setting]
    options, defaults = asdict(encoder.options), asdict(type(encoder)().options)
    for name in _NEWER.get(encoder.format, ()):
        if options[name] == defaults[name]:
            del options[name]
    versions = [one for one in sorted(library_versions().items()) if one[0] in encoder.libraries]
    key = repr((encoder.format, options, tuple(qualities), versions))
    return hashlib.sha256(key.encode()).hexdigest()[:8]


def _read(path: Path) -> Sweep | None:
    """A stored sweep; None if it is missing, lacks a metric or is damaged (its zip's checksums)."""
    try:
        with path.open("rb") as stream, np.load(stream) as arrays:
            scores = {name: arrays[name] for name in METRICS}
            return Sweep(arrays["qualities"], scores, arrays["bytes_per_pixel"])
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
