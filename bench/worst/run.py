"""Searches every image by every method and setting, and observes what the search expected."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

from autoquality_core.formats import WebpEncoder, WebpOptions
from autoquality_core.images import Pixels, from_raw
from autoquality_core.metrics import DSSIM, METRICS, SSIMULACRA2, Metric
from autoquality_core.networks import Predictor
from autoquality_core.pipeline import session
from autoquality_core.pipeline.defaults import Defaults
from autoquality_core.pipeline.pipeline import Pipeline
from autoquality_core.priors.features import luma_features
from autoquality_core.runtime.arrays import Doubles
from autoquality_core.runtime.deadline import Deadline
from autoquality_core.search import Acquisition, CurvePrior, engine
from autoquality_core.types import Format, Lossless, Method, RawSource, TargetSpec
from autoquality_train.corpus.samples import decode
from autoquality_train.labels.sweeps import SETTINGS
from bench.compare.ours import job_of
from bench.compare.subject import LIMITS
from bench.compare.task import WIDE
from bench.worst.facts import Search, Try

_LOSSY = {"webp": WebpEncoder(WebpOptions(lossless=Lossless.NEVER))}
"""Encoders that would otherwise try a file without a quality too."""

METHODS = (Method.SIZE, Method.DSSIM, Method.SSIMULACRA2)
ROOM = 1.01
"""Budgets relative to the size at a quality, as in bench.compare."""


@dataclass(frozen=True)
class Plan:
    """The targets for every image: scores, and 1 % above the size at the quality `budget`.

    `goals` has a score and the allowed error for the name of each metric. Of an image above
    `megapixels`, the middle is taken.
    """

    settings: Sequence[str] = tuple(SETTINGS)
    goals: Mapping[str, tuple[float, float]] = field(
        default_factory=lambda: {DSSIM.name: (0.02, 0.001), SSIMULACRA2.name: (70.0, 1.0)}
    )
    budget: int = 65
    megapixels: float = 1.0


@dataclass(frozen=True)
class Picture:
    """An image, or its middle, as the core gets it."""

    name: str
    pixels: Pixels
    source: RawSource

    @property
    def megapixels(self) -> float:
        return self.source.width * self.source.height / 1e6


@dataclass
class Expectation:
    """What a search expects before its first encoding."""

    prior: CurvePrior | None = None
    has_features: bool = False

    def allowance(self, metric: Metric) -> float:
        """How far (in logarithms) the curve may fall, at most from the best score to the worst."""
        best = metric.low if metric.lower_is_better else metric.high
        return min(self._known_prior.roughness.allowance, metric.value(best))

    def at(self, quality: int) -> tuple[float, float]:
        """The expected value of the curve at a quality, and its standard deviation."""
        prior = self._known_prior
        variance = float(prior.covariance[quality - 1, quality - 1]) + prior.noise**2
        return float(prior.mean[quality - 1]), math.sqrt(max(variance, 0.0))

    @property
    def _known_prior(self) -> CurvePrior:
        assert self.prior is not None, "no search was made"
        return self.prior


@contextmanager
def observed() -> Iterator[Expectation]:
    """Observe the search of one request that this thread makes in the body."""
    found = Expectation()

    def acquisition(*args: Any) -> Acquisition:
        if found.prior is None:  # a second search may use full chroma
            found.prior = args[3][0]
        return Acquisition(*args)

    def features(pixels: Pixels) -> Doubles:
        found.has_features = True
        return luma_features(pixels)

    with (
        mock.patch.object(engine, "Acquisition", acquisition),
        mock.patch.object(session, "luma_features", features),
    ):
        yield found


def middle(path: Path, megapixels: float, name: str = "") -> Picture:
    """An image file, or its middle if it is too large. Raises InvalidImage and OSError."""
    image = decode(path).image
    part = min(1.0, math.sqrt(1e6 * megapixels / (image.width * image.height)))
    width, height = (max(1, int(side * part)) for side in (image.width, image.height))
    piece = image.crop((image.width - width) // 2, (image.height - height) // 2, width, height)
    source = RawSource(width, height, piece.bands, piece.write_to_memory())
    return Picture(name or path.name, from_raw(source), source)


def names(paths: Sequence[Path]) -> list[str]:
    """File names, with their folders if two files share a name."""
    known = Counter(path.name for path in paths)
    return [
        path.name if known[path.name] == 1 else f"{path.parent.name}/{path.name}" for path in paths
    ]


def run(
    paths: Sequence[Path],
    networks: Mapping[Format, Predictor],
    plan: Plan,
    log: Callable[[str], None],
) -> Iterator[Search]:
    """All searches. Raises InvalidImage and OSError."""
    pipeline = Pipeline(Defaults(), LIMITS, networks)
    for number, (path, name) in enumerate(zip(paths, names(paths), strict=True), 1):
        picture = middle(path, plan.megapixels, name)
        log(f"{number} of {len(paths)}: {picture.name}, {picture.megapixels:.2f} MP")
        for setting in plan.settings:
            for method in METHODS:
                yield one_search(pipeline, picture, method, setting, plan)


def one_search(
    pipeline: Pipeline, picture: Picture, method: Method, setting: str, plan: Plan
) -> Search:
    """Make one request to the core, and describe its search."""
    encoder = _LOSSY.get(setting, SETTINGS[setting])
    metric = METRICS.get(method.value)
    if metric is None:
        error = 0.0
        target = float(int(ROOM * len(encoder.encode(picture.pixels, plan.budget))))
    else:
        target, error = plan.goals[metric.name]
    spec = TargetSpec(method, target, *WIDE, error)
    job = job_of(encoder, picture.source, spec)
    with observed() as expectation:
        found = pipeline.encode(job, Deadline())
    tries = tuple(
        Try(one.quality, one.size_bytes, one.scores.get(method.value)) for one in found.probes
    )
    curve, doubt = expectation.at(tries[0].quality)
    pixels = picture.source.width * picture.source.height
    known_by = "sketch" if expectation.has_features else "encoder"
    return Search(
        image=picture.name,
        megapixels=round(picture.megapixels, 3),
        method=method.value,
        setting=setting,
        target=target,
        error=error,
        low=WIDE[0],
        high=WIDE[1],
        tries=tries,
        answer=found.quality,
        outcome=found.outcome.value,
        # A curve is log(bytes per pixel) or the values of a metric.
        expected=float(
            math.exp(curve) * pixels if metric is None else metric.score(np.array(curve))
        ),
        doubt=doubt,
        allowance=expectation.allowance(metric or DSSIM),
        known_by=known_by if found.predicted_quality is None else "network",
    )
