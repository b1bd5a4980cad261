"""Our methods without gRPC, method none and the floor, and other searches with our encoders.

imgproxy documents bisection for its method `dssim`: between the bounds, until the DSSIM is within
the allowed error.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from autoquality_core.formats import Encoder, EncoderOptions
from autoquality_core.images import open_image
from autoquality_core.metrics import DSSIM
from autoquality_core.networks import Predictor
from autoquality_core.pipeline.defaults import Defaults
from autoquality_core.pipeline.job import EncodeJob
from autoquality_core.pipeline.library import bundled_networks
from autoquality_core.pipeline.pipeline import Pipeline
from autoquality_core.pipeline.session import Session
from autoquality_core.runtime.deadline import Deadline
from autoquality_core.search import Goal, Observation
from autoquality_core.types import Data, Format, Method, Outcome, RawSource, TargetSpec
from autoquality_train.judging.searches import Attempt, Searched, bisection, goal_of, secant
from autoquality_train.labels.sweeps import NETWORKS
from bench.clock import Spent, here
from bench.command import NETWORKS as CHOICES
from bench.compare.subject import LIMITS
from bench.compare.task import Entry, Task

TWO = ", two at a time"

Search = Callable[[Goal, int, int, Attempt], Searched]


@contextmanager
def _idle(_pixels: int) -> Iterator[bool]:
    yield True


def predictors(which: str = CHOICES[0]) -> Mapping[Format, Predictor]:
    """The networks of the option --networks."""
    return bundled_networks() if which == CHOICES[0] else {}


def job_of(
    encoder: Encoder, source: Data | RawSource, spec: TargetSpec, quality: int | None = None
) -> EncodeJob:
    """A request for the format and the options of `encoder`."""
    options: dict[str, Any] = {encoder.format.value: encoder.options}
    return EncodeJob(source, encoder.format, spec, quality, EncoderOptions(**options))


class Ours:
    """One of our methods: `ml`, or another one for targets of that kind."""

    own_encoder = False

    def __init__(
        self, method: Method, networks: Mapping[Format, Predictor], *, two: bool = False
    ) -> None:
        """With `two`, two qualities are tried at a time, as if a core were always idle."""
        self.method = method
        self.name = f"autoquality {method.value}{TWO if two else ''}"
        self._networks = networks
        lend_core = _idle if two else None
        self._pipeline = Pipeline(Defaults(), LIMITS, networks, lend_core=lend_core)

    def enters(self, task: Task) -> bool:
        if self.method is Method.ML:
            # METHOD_ML writes every JPEG with the best mozjpeg options.
            network = self._networks.get(task.format)
            return (
                task.metric is not None
                and task.setting in NETWORKS.values()
                and network is not None
                and task.metric.name in network.info.metrics
            )
        return task.resolved.method is self.method

    def encode(self, task: Task) -> Entry:
        target = task.resolved
        spec = TargetSpec(
            self.method,
            target.target,
            target.min_quality,
            target.max_quality,
            target.allowed_error,
            task.metric.name if task.metric is not None and self.method is Method.ML else None,
        )
        job = job_of(task.encoder, task.subject.source, spec)
        found, spent = here(lambda: self._pipeline.encode(job, Deadline()))
        met = found.outcome is Outcome.TARGET_MET
        return Entry(found.image, spent, len(found.probes), found.quality, met)


class SearchedBy:
    """Another search with our encoders and our metric."""

    own_encoder = False

    def __init__(self, name: str, search: Search) -> None:
        self.name = name
        self._search = search

    def enters(self, task: Task) -> bool:
        return True

    def encode(self, task: Task) -> Entry:
        resolved = task.resolved
        metric = task.metric

        def work() -> tuple[bytes, Searched, bool]:
            pixels = open_image(task.subject.source, LIMITS).decode(all_frames=False)
            session = Session(pixels, task.encoder, Deadline())
            goal = goal_of(resolved, session.pixel_count)

            def attempt(quality: int) -> Observation:
                one = session.probe(quality, *([] if metric is None else [metric]))
                score = None if metric is None else one.scores[metric.name]
                return Observation(quality, one.size_bytes, score)

            found = self._search(goal, resolved.min_quality, resolved.max_quality, attempt)
            data = session.file(found.quality)
            met = (
                len(data) <= resolved.target
                if metric is None
                else abs(session.scores(found.quality)[metric.name] - resolved.target)
                <= resolved.allowed_error
            )
            return data, found, met

        (data, found, met), spent = here(work)
        return Entry(data, spent, found.iterations, found.quality, met)


def searches() -> list[SearchedBy]:
    """Bisection and secant."""
    return [SearchedBy("bisection", bisection), SearchedBy("secant", secant)]


def none(task: Task, quality: int) -> Spent:
    """The time of method none at a quality."""
    pipeline = Pipeline(Defaults(), LIMITS)
    job = job_of(task.encoder, task.subject.source, TargetSpec(Method.NONE), quality)
    return here(lambda: pipeline.encode(job, Deadline()))[1]


def floor(task: Task, quality: int) -> Spent:
    """The least time of any method: decode, encode once, decode the result and measure it."""
    encoder, metric = task.encoder, task.metric or DSSIM

    def least() -> float:
        pixels = open_image(task.subject.source, LIMITS).decode(all_frames=False)
        data = encoder.encode(pixels, quality)
        return metric.reference(pixels).score(encoder.decode(data, pixels))

    return here(least)[1]
