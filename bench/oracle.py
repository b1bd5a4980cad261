"""Compares the search with trying every quality, and with bisection.

Encodes every image at every quality (stored in build/sweeps), then searches on these results. So
every answer can be compared with the best one.

    python -m bench.oracle IMAGES...
"""

from __future__ import annotations

import statistics
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from autoquality_core.formats import Encoder
from autoquality_core.images import Pixels
from autoquality_core.metrics import DSSIM
from autoquality_core.priors import score_prior, size_prior
from autoquality_core.priors.features import luma_features, with_chroma
from autoquality_core.priors.roughness import score_roughness, size_roughness
from autoquality_core.search import (
    CurvePrior,
    Goal,
    Observation,
    ScoreGoal,
    SizeGoal,
    search,
)
from autoquality_core.search.oracle import agree, oracle
from autoquality_train.corpus.samples import decode, digest_of
from autoquality_train.judging.searches import bisection
from autoquality_train.labels.sweeps import SETTINGS, cached_sweep
from bench.command import add_images, images_of, parser
from bench.record.machine import ROOT

FOLDER = ROOT / "build" / "sweeps"
TARGETS = (0.005, 0.01, 0.02, 0.04)
BUDGETS = (30, 50, 75, 90)
"""Budgets are 1 % above the sizes at these qualities."""


@dataclass(frozen=True)
class Curve:
    """One image's sweep."""

    image: Pixels
    pixels: int
    features: npt.NDArray[np.float64]
    with_chroma: npt.NDArray[np.float64]
    by_quality: dict[int, Observation]


@dataclass(frozen=True)
class Score:
    """One search: its agreement with the oracle, its encodings and those of bisection."""

    agrees: bool
    encodings: int
    bisection: int


def curve(path: Path, setting: str, folder: Path) -> Curve:
    """Sweep one image, composited over white if it has alpha."""
    image = decode(path)
    found = cached_sweep(image, digest_of(image), setting, folder)
    pixels = image.width * image.height
    seen = {
        int(quality): Observation(int(quality), round(size * pixels), float(dssim))
        for quality, size, dssim in zip(
            found.qualities, found.bytes_per_pixel, found.scores[DSSIM.name], strict=True
        )
    }
    features = luma_features(image)
    return Curve(image, pixels, features, with_chroma(features, image), seen)


def judge(
    one: Curve,
    goal: Goal,
    prior: CurvePrior,
    low: int,
    high: int,
    encoder: Encoder,
) -> Score:
    """Search once on a swept image."""
    if isinstance(goal, SizeGoal):
        roughness = partial(size_roughness, one.image, encoder, goal.target)
    else:
        roughness = partial(score_roughness, one.image, encoder, DSSIM)
    tried: list[int] = []

    def attempt(quality: int) -> Observation:
        tried.append(quality)
        return one.by_quality[quality]

    found = search(
        *(goal, low, high, attempt),
        prior=prior,
        roughness=roughness,
        equivalents=encoder.equivalents(has_alpha=False),
    )
    expected = oracle(goal, low, high, one.by_quality.__getitem__)
    return Score(
        agree(goal, found, expected),
        len(tried),
        bisection(goal, low, high, one.by_quality.__getitem__).iterations,
    )


def line(name: str, scores: list[Score]) -> str:
    """One row of the table."""
    counts = [one.encodings for one in scores]
    return (
        f"| {name} | {len(scores)} | {sum(one.agrees for one in scores) / len(scores):.1%} "
        f"| {statistics.mean(counts):.2f} | {np.percentile(counts, 95):.0f} | {max(counts)} "
        f"| {statistics.mean(one.bisection for one in scores):.2f} |"
    )


def main() -> None:
    given = parser("bench.oracle", __doc__)
    add_images(given)
    given.add_argument(
        "--sweeps", type=Path, default=FOLDER, help="the folder of sweeps (default: build/sweeps)"
    )
    given.add_argument("--jobs", type=int, default=2, help="images at the same time (default: 2)")
    given.add_argument(
        "--range",
        nargs=2,
        type=int,
        default=[10, 95],
        metavar=("MIN", "MAX"),
        help="qualities (default: 10 95)",
    )
    args = given.parse_args()
    images = images_of(given, args)
    args.sweeps.mkdir(parents=True, exist_ok=True)
    low, high = args.range

    print("| setting, goal | searches | as the oracle | mean encodings | p95 | max | bisection |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for setting, encoder in SETTINGS.items():
        with ThreadPoolExecutor(args.jobs) as pool:
            curves = list(pool.map(partial(curve, setting=setting, folder=args.sweeps), images))
        for error in (0.001, 0.002):
            scores = [
                judge(
                    one,
                    ScoreGoal(DSSIM, target, error),
                    score_prior(encoder, DSSIM, one.pixels, one.features),
                    low,
                    high,
                    encoder,
                )
                for one in curves
                for target in TARGETS
            ]
            print(line(f"{setting}, DSSIM ± {error:g}", scores))
        scores = [
            judge(
                one,
                SizeGoal(one.by_quality[quality].size_bytes * 1.01, one.pixels),
                size_prior(encoder, one.pixels, one.with_chroma),
                low,
                high,
                encoder,
            )
            for one in curves
            for quality in BUDGETS
        ]
        print(line(f"{setting}, size", scores), flush=True)


if __name__ == "__main__":
    main()
