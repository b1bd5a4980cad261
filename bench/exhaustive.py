"""Checks searches on images with rough curves by trying every quality.

Generates small drawings (patterns, charts, text, icons; grey, with alpha, animated) and takes small
pieces of IMAGES. Encodes each in every format at every quality, then searches by every method. A
search misses an answer if trying every quality finds a better one. Its answer is wrong if another
chroma is worse, or if method none at the returned quality gives another file. Half of the searches
have further limits on bytes and scores.

    python -m bench.exhaustive [IMAGES...] --drawings 300
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import cache, partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from autoquality_core.formats import Encoder
from autoquality_core.images import Pixels
from autoquality_core.images.hidden import with_continued_colours
from autoquality_core.metrics import DSSIM, METRICS, SSIMULACRA2, Metric
from autoquality_core.networks import Predictor, load
from autoquality_core.networks.bundled import bundled_network
from autoquality_core.pipeline.methods import (
    MethodHandler,
    ScoreSearch,
    search_by_network,
    search_by_size,
)
from autoquality_core.pipeline.methods.limited import other_metrics, under_limits
from autoquality_core.pipeline.session import Session
from autoquality_core.runtime.deadline import Deadline
from autoquality_core.search import Found, Goal, Observation
from autoquality_core.types import Chroma, Format, Limits, Method, Outcome, ResolvedTarget
from autoquality_train.corpus.samples import decode, images_in
from autoquality_train.judging.oracle import agree, oracle
from autoquality_train.judging.searches import goal_of
from autoquality_train.labels.sweeps import NETWORKS, SETTINGS
from bench.command import add_images, parser
from bench.drawings import animation, crop, drawing
from bench.record.markdown import table

FIRST_SEED = 1_000_000

RANGES = ((10, 95), (1, 100), (70, 80), (40, 95), (60, 100))
ERRORS = {
    DSSIM.name: (0.001, 0.001, 0.002, 0.0005, 0.0001),
    SSIMULACRA2.name: (1.0, 1.0, 2.0, 0.5, 0.1),
}
TARGETS = {DSSIM.name: (0.005, 0.01, 0.02, 0.04), SSIMULACRA2.name: (50.0, 70.0, 80.0, 90.0)}
"""By metric."""
NOTHING_FITS = (Outcome.MIN_QUALITY_REACHED, Outcome.LIMITS_CONFLICT)
SPARE = (0.0, 0.0, 0.01, 0.05, 0.3)
"""The shares of a budget that may stay unused."""


@dataclass(frozen=True)
class Verdict:
    """The result of one search; `missed` names a better answer, `wrong` what it breaks."""

    kind: str
    setting: str
    method: str
    encodings: int
    missed: str = ""
    wrong: str = ""


class Files:
    """The files of one image, each encoded once."""

    def __init__(self, pixels: Pixels) -> None:
        self.pixels = pixels
        self._files: dict[tuple[Encoder, int], bytes] = {}

    def get(self, encoder: Encoder, quality: int) -> bytes:
        key = encoder, quality
        if key not in self._files:
            self._files[key] = encoder.encode(self.pixels, quality)
        return self._files[key]


class CachedSession(Session):
    """A session that takes existing files from `files`."""

    def __init__(self, files: Files, encoder: Encoder) -> None:
        super().__init__(files.pixels, encoder, Deadline())
        self._cache = files

    def _encode(self, quality: int) -> tuple[bytes, float]:
        return self._cache.get(self.encoder, quality), 0.0


def judge(
    name: str, pixels: Pixels, seed: int, searches: int, settings: Iterable[str] = SETTINGS
) -> list[Verdict]:
    """Search one image by each setting that can hold it, `searches` times by each method."""
    found: list[Verdict] = []
    for setting in settings:
        encoder = SETTINGS[setting]
        if pixels.has_alpha and not encoder.keeps_alpha:
            continue
        if pixels.frames > 1 and not encoder.keeps_animation:
            continue
        if min(pixels.width, pixels.height) < encoder.min_side:
            continue
        random = np.random.default_rng([seed, *setting.encode()])
        found.extend(_judge(name, Files(pixels), setting, encoder, random, searches))
    return found


def _judge(
    name: str,
    files: Files,
    setting: str,
    encoder: Encoder,
    random: np.random.Generator,
    searches: int,
) -> Iterator[Verdict]:
    sweep = CachedSession(files, encoder)
    for quality in range(1, 101):
        if not sweep.knows(quality):
            sweep.probe(quality)
        for one in METRICS.values():
            sweep.measure(quality, one)
    for (method, metric), handler in _handlers(encoder.format).items():
        if method is Method.ML and setting not in NETWORKS.values():
            continue
        for at in range(searches):
            plain = [_seen(sweep, quality, metric) for quality in range(1, 101)]
            resolved = _target_spec(method, metric, plain, random)
            if at % 2:
                resolved = replace(resolved, limits=_limits(sweep, resolved, random))
            others = other_metrics(resolved.limits, metric)
            curve = [_seen(sweep, quality, metric, others) for quality in range(1, 101)]
            session = CachedSession(files, encoder)
            answer = handler(session, resolved)
            data = session.file(answer.quality)
            seen = _seen(session, answer.quality, metric, others)
            missed, wrong = _faults(resolved, metric, Found(seen, answer.outcome), curve, session)
            if data != files.get(session.encoder, answer.quality):
                wrong = "method none gives another file"
            missed, wrong = (one and f"{name}: {resolved}: {one}" for one in (missed, wrong))
            kind = "piece" if name.startswith("piece") else name.rsplit("-", 1)[0]
            title = _title(method, metric) + (" under limits" if resolved.limits else "")
            yield Verdict(kind, setting, title, len(session.probes), missed, wrong)


def _title(method: Method, metric: Metric | None) -> str:
    if method is not Method.ML or metric is None or metric is DSSIM:
        return method.value
    return f"{method.value} with {metric.name}"


def _seen(
    session: Session, quality: int, metric: Metric | None, others: Sequence[Metric] = ()
) -> Observation:
    scores = session.scores(quality)
    score = None if metric is None else scores.get(metric.name)
    further = tuple(scores.get(one.name, math.nan) for one in others)
    return Observation(quality, len(session.file(quality)), score, further)


def _target_spec(
    method: Method,
    metric: Metric | None,
    curve: Sequence[Observation],
    random: np.random.Generator,
) -> ResolvedTarget:
    """A target that some quality in the range meets, or almost meets."""
    low, high = RANGES[random.integers(len(RANGES))]
    one = curve[int(random.integers(low, high + 1)) - 1]
    if metric is None:
        target = float(one.size_bytes)
        if random.random() < 0.4:
            target = max(1.0, round(target * random.uniform(0.97, 1.03)))
        return ResolvedTarget(method, target, low, high, SPARE[random.integers(len(SPARE))])
    value = metric.value(one.score or 0.0) + random.uniform(-0.1, 0.1)
    target = float(np.clip(metric.score(np.array(value)), metric.low, metric.high))
    targets, errors = TARGETS[metric.name], ERRORS[metric.name]
    if random.random() < 0.3:
        target = targets[random.integers(len(targets))]
    error = errors[random.integers(len(errors))]
    return ResolvedTarget(method, target, low, high, error, metric.name)


def _limits(sweep: Session, resolved: ResolvedTarget, random: np.random.Generator) -> Limits:
    """Limits that some quality in the range just keeps, each."""

    def kept() -> int:
        return int(random.integers(resolved.min_quality, resolved.max_quality + 1))

    scores = {
        name: float(np.clip(sweep.scores(kept())[name], metric.low, metric.high))
        for name, metric in METRICS.items()
        if random.random() < 0.4
    }
    if resolved.method is Method.SIZE or (scores and random.random() < 0.5):
        return Limits(None, scores)
    return Limits(sweep.size(kept()), scores)


def _faults(
    resolved: ResolvedTarget,
    metric: Metric | None,
    found: Found,
    curve: Sequence[Observation],
    session: Session,
) -> tuple[str, str]:
    """The better answer that a search missed, and the fault of its answer; empty without one."""
    plain = goal_of(resolved, session.pixel_count)
    goal: Goal = plain
    if resolved.limits:
        goal = under_limits(plain, metric, resolved.limits, session)
    bounds = resolved.min_quality, resolved.max_quality
    best = oracle(goal, *bounds, lambda one: curve[one - 1])
    if session.encoder.chroma is Chroma.FULL:
        # The curve is that of the usual chroma. Another one must meet the target, or come nearer.
        nearer = goal.best([found.best, best.best], *bounds) is found.best
        missed = best.outcome is Outcome.TARGET_MET or not nearer
        worse = missed and not goal.finished(found.best)
        return "", "another chroma is worse" if worse else ""
    if best.outcome in NOTHING_FITS and session.alpha_quality not in (None, 100):
        # Only a lower quality of alpha fits, which the oracle does not try.
        budget = resolved.target if metric is None else resolved.limits.max_bytes or math.inf
        return "", "" if found.best.size_bytes <= budget else "over the budget"
    if agree(goal, found, best):
        return "", ""
    answer = f"quality {found.best.quality}, {found.outcome.name}"
    return f"{answer}; {best.best.quality}, {best.outcome.name} by every quality", ""


@cache
def _handlers(fmt: Format) -> Mapping[tuple[Method, Metric | None], MethodHandler]:
    path = bundled_network(fmt)
    networks: dict[Format, Predictor] = {} if path is None else {fmt: load(path)}
    by_score = {name: ScoreSearch(metric) for name, metric in METRICS.items()}
    by_network = partial(search_by_network, networks, by_score)
    found: dict[tuple[Method, Metric | None], MethodHandler] = {
        (Method.SIZE, None): search_by_size,
        (Method.ML, DSSIM): by_network,
    }
    for search in by_score.values():
        found[Method(search.metric.name), search.metric] = search.run
        if any(search.metric.name in one.info.metrics for one in networks.values()):
            found[Method.ML, search.metric] = by_network
    return found


def work_of(drawings: int, images: Sequence[Path]) -> Iterator[tuple[str, Pixels, int]]:
    """The names, pixels and seeds of drawings, animations and pieces of `images`."""
    for seed in range(FIRST_SEED, FIRST_SEED + drawings):
        name, samples = drawing(seed)
        shape = {1: "grey", 3: "rgb", 4: "alpha"}[samples.shape[2]]
        yield f"{name.split('-')[0]}-{shape}-{seed}", Pixels(samples[None]), seed
        if seed % 8 == 0:
            yield f"animation-{seed}", animation(seed), seed
    for at, path in enumerate(images):
        samples = decode(path).samples[0]
        if samples.shape[2] == 3:
            piece = Pixels(crop(samples, at)[None])
            yield f"piece-{path.stem}", piece, at


def _judged(work: tuple[str, Any, Any, int, int]) -> list[Verdict]:
    name, samples, delays, seed, searches = work
    pixels = with_continued_colours(Pixels(samples, delays))
    return judge(name, pixels, seed, searches)


def summary(verdicts: Sequence[Verdict], key: str) -> str:
    """A table of verdicts by one of their fields."""
    rows = []
    for name in sorted({getattr(one, key) for one in verdicts}):
        some = [one for one in verdicts if getattr(one, key) == name]
        counts = [one.encodings for one in some]
        missed = f"{np.mean([bool(one.missed) for one in some]):.1%}"
        wrong = sum(bool(one.wrong) for one in some)
        most = f"{np.mean(counts):.2f}, {np.percentile(counts, 95):.0f}, {max(counts)}"
        rows.append((name, str(len(some)), missed, str(wrong), most))
    header = (key, "searches", "missed", "wrong", "encodings: mean, 95th percentile, most")
    return table(header, rows)


def main() -> int:
    given = parser("bench.exhaustive", __doc__)
    add_images(given, "*")
    given.add_argument("--drawings", type=int, default=300, help="drawings (default: 300)")
    given.add_argument(
        "--searches", type=int, default=4, help="by each method in each format (default: 4)"
    )
    given.add_argument("--jobs", type=int, default=2, help="images at the same time (default: 2)")
    args = given.parse_args()
    work = [
        (name, pixels.samples, pixels.delays, seed, args.searches)
        for name, pixels, seed in work_of(args.drawings, images_in(args.images))
    ]
    verdicts: list[Verdict] = []
    with ProcessPoolExecutor(args.jobs, mp_context=get_context("spawn")) as pool:
        for done, found in enumerate(pool.map(_judged, work), 1):
            verdicts.extend(found)
            if done % 50 == 0:
                print(f"{done} of {len(work)} images", file=sys.stderr, flush=True)
    for key in ("setting", "method", "kind"):
        print(f"{summary(verdicts, key)}\n")
    bad = [one for one in verdicts if one.wrong]
    missed = sum(bool(one.missed) for one in verdicts)
    print(f"{len(verdicts)} searches, {missed} missed a better answer, {len(bad)} wrong")
    for one in bad:
        print(f"{one.setting}, {one.method}: {one.wrong}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
