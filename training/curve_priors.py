"""Learns what each encoder's curves over quality look like.

Sweeps every quality of every image of a corpus, for each encoder setting, and
writes one JSON file a setting: the mean of -log(DSSIM) and of log(bytes per
pixel) over quality, their principal components, and how rough they are. The
search starts from these (`autoquality_server/methods/priors`).

    python training/curve_priors.py CORPUS... --sweeps build/sweeps

Each image is taken as it is and, since thumbnails behave otherwise, by its
middle alone. Sweeps are kept, one file an image and setting, so that a run can
be resumed.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from autoquality_server.codecs import BEST_MOZJPEG, CODECS, library_versions
from autoquality_server.domain import EncoderOptions, Format, RawSource
from autoquality_server.dssim import Reference
from autoquality_server.image import ImageLimits, Pixels, from_raw, open_image
from autoquality_server.image import luma as luma_of
from autoquality_server.methods.priors import roughness
from autoquality_server.search.objective import DSSIM_FLOOR

FloatArray = npt.NDArray[np.float64]

SETTINGS = {
    "jpeg": (Format.JPEG, EncoderOptions()),
    "jpeg-mozjpeg": (Format.JPEG, EncoderOptions(jpeg=BEST_MOZJPEG)),
    "webp": (Format.WEBP, EncoderOptions()),
    "avif": (Format.AVIF, EncoderOptions()),
}
COMPONENTS = 5
MIDDLE = 160
"""The side of the middle that is taken of each image, in pixels."""

USUAL = slice(9, 95)
"""Qualities 10 to 95: the ends of the scale are too odd to say how rough a curve is."""

TARGETS = (0.002, 0.06)
"""The DSSIM between which a curve's turning back matters."""

SUFFIXES = {".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff"}
ROOT = Path(__file__).resolve().parent.parent
OUT = ROOT / "server" / "autoquality_server" / "methods" / "priors"


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
    reference = Reference(luma_of(pixels))
    dssim, size = np.empty(100), np.empty(100)
    for quality in range(1, 101):
        data = codec.encode(pixels, quality, options)
        dssim[quality - 1] = reference.dssim(codec.decode_luma(data, pixels))
        size[quality - 1] = len(data) / (pixels.width * pixels.height)
    return dssim, size


def kept_sweep(
    sample: tuple[Path, int | None], setting: str, folder: Path
) -> tuple[FloatArray, FloatArray]:
    """As `sweep`, from `folder` if it was made before."""
    path, side = sample
    digest = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
    kept = folder / f"{digest}{'' if side is None else f'-{side}'}.{setting}.npz"
    if not kept.exists():
        dssim, size = sweep(path, side, setting)
        temporary = kept.with_suffix(".tmp.npz")
        np.savez(temporary, dssim=dssim, size=size)
        temporary.rename(kept)
    with np.load(kept) as arrays:
        return arrays["dssim"], arrays["size"]


def learn(curves: FloatArray, allowance: float) -> dict[str, object]:
    """The prior of `curves`, shape (images, 100), each rising with quality."""
    mean = curves.mean(axis=0)
    rest = curves - mean
    _, scale, directions = np.linalg.svd(rest, full_matrices=False)
    kept = min(COMPONENTS, len(scale))
    components = directions[:kept] * scale[:kept, None] / np.sqrt(len(curves))
    left = rest - rest @ directions[:kept].T @ directions[:kept]
    # What is smooth has next to no second difference; white noise of standard
    # deviation s has one of s * sqrt(6). Steps that all curves share are in the mean.
    rough = np.diff(rest[:, USUAL], n=2, axis=1).std(axis=1) / np.sqrt(6)
    return {
        "mean": _rounded(mean),
        "components": [_rounded(one) for one in components],
        "residual": round(float(left.std()), 5),
        "noise": round(max(float(np.median(rough)), 0.001), 5),
        "allowance": round(allowance, 4),
    }


def falls(curves: FloatArray, matters: npt.NDArray[np.bool_]) -> FloatArray:
    """How far each curve turns back at most, where it matters; shape (images,)."""
    back = np.maximum.accumulate(curves, axis=1) - curves
    most: FloatArray = np.where(matters, back, 0.0)[:, USUAL].max(axis=1)
    return most


def fit(sweeps: list[tuple[FloatArray, FloatArray]], pixels: FloatArray) -> dict[str, object]:
    """Both priors of one encoder setting; `pixels` (images,) counts those of each image.

    One or two images of a corpus are like no other. To provide for them would
    cost every search that ends between two qualities, so the allowances are
    what is usual; a budget is kept more strictly than a DSSIM.
    """
    dssim = -np.log(np.maximum([one for one, _ in sweeps], DSSIM_FLOOR))
    size = np.log([one for _, one in sweeps])
    low, high = -np.log(TARGETS[1]), -np.log(TARGETS[0])
    back = falls(dssim, (dssim > low) & (dssim < high))
    size_back = falls(size, np.ones(size.shape, np.bool_)) / roughness(pixels)
    return {
        "dssim": learn(dssim, max(0.01, float(np.percentile(back, 95)))),
        "size": learn(size, max(0.002, float(np.percentile(size_back, 98)))),
    }


def _count(pixels: Pixels) -> int:
    return pixels.width * pixels.height


def _rounded(values: Iterable[float]) -> list[float]:
    return [round(float(value), 4) for value in values]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("corpus", nargs="+", type=Path, help="image files, or folders of them")
    parser.add_argument("--corpus-name", required=True, help="what to call the corpus in the files")
    parser.add_argument("--sweeps", type=Path, default=ROOT / "build" / "sweeps")
    parser.add_argument("--jobs", type=int, default=2, help="images swept at the same time")
    parser.add_argument("--out", type=Path, default=OUT)
    args = parser.parse_args()

    given = [f for one in args.corpus for f in (one.rglob("*") if one.is_dir() else [one])]
    images = sorted(path for path in given if path.suffix.lower() in SUFFIXES)
    if not images:
        parser.error("no images in the corpus")
    samples = [(path, side) for side in (None, MIDDLE) for path in images]
    args.sweeps.mkdir(parents=True, exist_ok=True)
    for setting in SETTINGS:
        with ThreadPoolExecutor(args.jobs) as pool:
            job = partial(kept_sweep, setting=setting, folder=args.sweeps)
            sweeps = list(pool.map(job, samples))
            pixels = list(pool.map(lambda sample: _count(decode(*sample)), samples))
        learned = {
            "encoder": setting,
            "corpus": args.corpus_name,
            "images": len(images),
            "versions": library_versions(),
            "curves": fit(sweeps, np.array(pixels)),
        }
        path = args.out / f"{setting}.json"
        path.write_text(json.dumps(learned, indent=None, separators=(",", ":")) + "\n")
        print(f"{path}: {len(images)} images")


if __name__ == "__main__":
    main()
