"""Learns what each encoder's curves over quality look like.

Sweeps every quality of every image of a corpus, for each encoder setting, and
writes one JSON file a setting: the mean of -log(DSSIM) and of log(bytes per
pixel) over quality, their principal components, and how rough they are. The
search starts from these (`autoquality_server/methods/priors`).

    python -m training.curve_priors CORPUS... --corpus-name NAME

Each image is taken as it is and, since thumbnails behave otherwise, by its
middle alone. Sweeps are kept, one file an image and setting, so that a run can
be resumed.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from autoquality_server.codecs import library_versions
from autoquality_server.image import Pixels
from autoquality_server.methods.priors import roughness
from autoquality_server.search.objective import DSSIM_FLOOR
from training.corpus import images_in
from training.sweeps import FOLDER, ROOT, SETTINGS, decode, kept_sweep

FloatArray = npt.NDArray[np.float64]

COMPONENTS = 5
MIDDLE = 160
"""The side of the middle that is taken of each image, in pixels."""

USUAL = slice(9, 95)
"""Qualities 10 to 95: the ends of the scale are too odd to say how rough a curve is."""

TARGETS = (0.002, 0.06)
"""The DSSIM between which a curve's turning back matters."""

OUT = ROOT / "server" / "autoquality_server" / "methods" / "priors"


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
    parser.add_argument("--sweeps", type=Path, default=FOLDER)
    parser.add_argument("--jobs", type=int, default=2, help="images swept at the same time")
    parser.add_argument("--out", type=Path, default=OUT)
    args = parser.parse_args()

    images = images_in(args.corpus)
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
