"""Compares the search with trying every quality, and with bisection.

Encodes every image at every quality (stored in build/sweeps), then searches on these results. So
every answer can be compared with the best one.

    python -m bench.oracle IMAGES...
"""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from autoquality_core.formats import Encoder
from autoquality_core.metrics import DSSIM, METRICS, SSIMULACRA2, Metric
from autoquality_core.priors import score_prior, size_prior
from autoquality_core.priors.features import luma_features, with_chroma
from autoquality_core.search import (
    CurvePrior,
    Goal,
    LimitedGoal,
    Observation,
    ScoreGoal,
    SizeGoal,
    search,
)
from autoquality_train.corpus.samples import decode, digest_of
from autoquality_train.judging.oracle import agree, oracle
from autoquality_train.judging.searches import bisection
from autoquality_train.labels.sweeps import SETTINGS, SWEPT, cached_sweep
from bench.command import add_images, images_of, parser
from bench.record.machine import ROOT

FOLDER = ROOT / "build" / "sweeps"
TARGETS = {DSSIM.name: (0.005, 0.01, 0.02, 0.04), SSIMULACRA2.name: (50.0, 70.0, 80.0, 85.0, 90.0)}
ERRORS = {DSSIM.name: (0.001, 0.002), SSIMULACRA2.name: (1.0,)}
BUDGETS = (30, 50, 75, 90)
"""Budgets are 1 % above the sizes at these qualities."""
LIMITS = {"at most twice its bytes": 2.0, "at most 0.8 of its bytes": 0.8}


@dataclass(frozen=True)
class Curve:
    """One image's sweep: its observations by the metric's name and the quality."""

    pixels: int
    features: npt.NDArray[np.float64]
    with_chroma: npt.NDArray[np.float64]
    observations: dict[str, dict[int, Observation]]


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
        name: {
            int(quality): Observation(int(quality), round(size * pixels), float(score))
            for quality, size, score in zip(
                found.qualities, found.bytes_per_pixel, scores, strict=True
            )
        }
        for name, scores in found.scores.items()
    }
    features = luma_features(image)
    return Curve(pixels, features, with_chroma(features, image), seen)


def judge(
    one: Curve,
    metric: Metric,
    goal: Goal,
    low: int,
    high: int,
    encoder: Encoder,
    margin: float | None = None,
) -> Score:
    """Search once on a swept image; `metric` is that of the scores.

    `margin` replaces the learned one of `Roughness`.
    """
    by_quality = one.observations[metric.name]
    priors: list[CurvePrior] = []
    if not isinstance(goal, SizeGoal):
        features = one.with_chroma if metric.sees_color else one.features
        prior = score_prior(encoder, metric, one.pixels, features)
        if margin is not None:
            prior = replace(prior, roughness=replace(prior.roughness, margin=margin))
        priors.append(prior)
    budget = goal.target if isinstance(goal, SizeGoal) else getattr(goal, "max_bytes", math.inf)
    if budget < math.inf:
        priors.append(size_prior(encoder, one.pixels, one.with_chroma))
    tried: list[int] = []

    def attempt(quality: int) -> Observation:
        tried.append(quality)
        return by_quality[quality]

    equivalents = encoder.equivalents(has_alpha=False)
    found = search(goal, low, high, attempt, prior=priors, equivalents=equivalents)
    expected = oracle(goal, low, high, by_quality.__getitem__)
    return Score(
        agree(goal, found, expected),
        len(tried),
        bisection(goal, low, high, by_quality.__getitem__).iterations,
    )


def goals(one: Curve, budgets: Sequence[int]) -> Iterator[tuple[str, Metric, Goal]]:
    """The goals for one image, each with the name of its row and the metric of its scores.

    `budgets` are as `BUDGETS`.
    """
    for metric in METRICS.values():
        for error in ERRORS[metric.name]:
            for target in TARGETS[metric.name]:
                name = f"{metric.name.upper()} ± {error:g}"
                yield name, metric, ScoreGoal(metric, target, error)
    for quality in budgets:
        file = one.observations[DSSIM.name][quality]
        budget = int(1.01 * file.size_bytes)
        yield "size", DSSIM, SizeGoal(budget, one.pixels)
        yield "size, 5 % unused", DSSIM, SizeGoal(budget, one.pixels, 0.05 * budget)
        wanted = ScoreGoal(DSSIM, file.score or 0.0, 0.001)
        yield "DSSIM of a file", DSSIM, wanted
        for name, share in LIMITS.items():
            limit = int(share * file.size_bytes)
            limited = LimitedGoal(wanted, (), limit, one.pixels)
            yield f"DSSIM of a file, {name}", DSSIM, limited
            if share < 1:
                yield f"size, {name}", DSSIM, SizeGoal(limit, one.pixels)


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
    given.add_argument(
        "--budgets",
        nargs="+",
        type=int,
        default=list(BUDGETS),
        metavar="QUALITY",
        help="qualities, 1 %% above whose sizes budgets are (default: 30 50 75 90)",
    )
    given.add_argument(
        "--margin",
        type=float,
        help="of allowances by distance next to a target, inf for none (default: as learned)",
    )
    given.add_argument(
        "--settings",
        nargs="+",
        choices=tuple(SWEPT),
        default=list(SETTINGS),
        help="of the encoders (default: all)",
    )
    args = given.parse_args()
    images = images_of(given, args)
    args.sweeps.mkdir(parents=True, exist_ok=True)
    low, high = args.range

    print("| setting, goal | searches | as the oracle | mean encodings | p95 | max | bisection |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for setting in args.settings:
        encoder = SWEPT[setting]
        with ThreadPoolExecutor(args.jobs) as pool:
            curves = list(pool.map(partial(curve, setting=setting, folder=args.sweeps), images))
        rows: dict[str, list[Score]] = defaultdict(list)
        for one in curves:
            for name, metric, goal in goals(one, args.budgets):
                rows[name].append(judge(one, metric, goal, low, high, encoder, args.margin))
        for name, scores in rows.items():
            print(line(f"{setting}, {name}", scores), flush=True)


if __name__ == "__main__":
    main()
