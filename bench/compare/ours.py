"""The service's core as its callers meet it, and what it is held against."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from autoquality_core.formats import Encoder, EncoderOptions
from autoquality_core.images import open_image
from autoquality_core.metrics import DSSIM
from autoquality_core.networks import LoadOptions, Predictor, bundled, load
from autoquality_core.pipeline.defaults import Defaults
from autoquality_core.pipeline.job import EncodeJob
from autoquality_core.pipeline.pipeline import Pipeline
from autoquality_core.runtime.deadline import Deadline
from autoquality_core.types import Data, Format, Method, Outcome, RawSource, TargetSpec
from autoquality_train.sweeps import NETWORKS
from bench.clock import Spent, here
from bench.compare.entrant import Entry
from bench.compare.subject import LIMITS
from bench.compare.task import Task

MET = (Outcome.TARGET_MET,)
TWO = ", two at a time"


@contextmanager
def _idle(_pixels: int) -> Iterator[bool]:
    yield True


def predictors() -> Mapping[Format, Predictor]:
    """The bundled networks, one image at a time."""
    found: dict[Format, Predictor] = {}
    for fmt in (Format.JPEG, Format.WEBP, Format.AVIF):
        path = bundled.bundled_network(fmt)
        if path is not None:
            found[fmt] = load(path, LoadOptions(), fmt)
    return found


def job_of(
    encoder: Encoder, source: Data | RawSource, spec: TargetSpec, quality: int | None = None
) -> EncodeJob:
    """A request for the format and the options of `encoder`."""
    options: dict[str, Any] = {encoder.format.value: encoder.options}
    return EncodeJob(source, encoder.format, spec, quality, EncoderOptions(**options))


class Ours:
    """One method of the service: `size` or `dssim` as the goal says, or `ml` for a DSSIM."""

    own_encoder = False

    def __init__(
        self, method: Method, networks: Mapping[Format, Predictor], *, two: bool = False
    ) -> None:
        """With `two`, qualities are tried two at a time, as if a core were always idle."""
        self.method = method
        self.name = f"autoquality {method.value}{TWO if two else ''}"
        self._networks = networks
        self._pipeline = Pipeline(Defaults(), LIMITS, networks, lend_core=_idle if two else None)

    def enters(self, task: Task) -> bool:
        if self.method is Method.ML:
            # A JPEG by ml is one by the best mozjpeg settings, whatever was asked for.
            return (
                task.resolved.method is Method.DSSIM
                and task.setting in NETWORKS.values()
                and task.format in self._networks
            )
        return task.resolved.method is self.method

    def encode(self, task: Task) -> Entry:
        asked = task.resolved
        spec = TargetSpec(
            self.method,
            asked.target,
            asked.min_quality,
            asked.max_quality,
            asked.allowed_error,
        )
        job = job_of(task.encoder, task.subject.source, spec)
        found, spent = here(lambda: self._pipeline.encode(job, Deadline()))
        met = found.outcome in MET
        return Entry(found.image, spent, len(found.probes), found.quality, met)


def none(task: Task, quality: int) -> Spent:
    """The same image by method none at a quality: what is paid for no search at all."""
    pipeline = Pipeline(Defaults(), LIMITS)
    spec = TargetSpec(Method.NONE)
    job = job_of(task.encoder, task.subject.source, spec, quality)
    return here(lambda: pipeline.encode(job, Deadline()))[1]


def floor(task: Task, quality: int) -> Spent:
    """The least that any method must pay: decode, encode once, decode that, measure it."""
    encoder = task.encoder

    def least() -> float:
        pixels = open_image(task.subject.source, LIMITS).decode(all_frames=False)
        data = encoder.encode(pixels, quality)
        return DSSIM.reference(pixels).score(encoder.decode(data, pixels))

    return here(least)[1]
