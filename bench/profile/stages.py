"""The stages of a request, and a clock for them.

Stages may contain other stages (decoding a result computes its luma); the time of a stage excludes
those. Time is the processor time of all threads, so the threads of a network count.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import wraps
from typing import Any
from unittest import mock

from autoquality_core.formats import ENCODERS
from autoquality_core.metrics import dssim
from autoquality_core.metrics.dssim.reference import Reference
from autoquality_core.metrics.ssimulacra2.reference import FrameReference
from autoquality_core.networks import Network
from autoquality_core.pipeline import pipeline, session, sources
from autoquality_core.pipeline.methods import score as by_score
from autoquality_core.pipeline.methods import size as by_size
from autoquality_core.pipeline.methods.attempts import Attempts
from bench.profile.libraries import DECODE_RESULT, ENCODE, observed

LUMA = "grey of both images"
MOMENTS = "metric, the source's part"
METRIC = "metric"
FEATURES = "sketch of the image"
PRIOR = "expected curve"
SEARCH = "search arithmetic"
NETWORK = "network's prediction"
SOURCE = "decode the source"
HEADER = "read and check its header"
VALIDATE = "check the request"
REST = "everything else"

STAGES = (
    *(ENCODE, DECODE_RESULT, LUMA, MOMENTS, METRIC),
    *(FEATURES, PRIOR, SEARCH, NETWORK),
    *(SOURCE, HEADER, VALIDATE, REST),
)
"""In the order of tables and plots. Records contain these names."""

_TITLES = {
    LUMA: "luma",
    MOMENTS: "metric, source part",
    FEATURES: "image features",
    SEARCH: "search",
    NETWORK: "prediction",
    HEADER: "read the header",
    REST: "other",
}


def title(name: str) -> str:
    """The heading of a stage in tables and plots."""
    return _TITLES.get(name, name)


class StageClock:
    """Processor seconds by stage, and the libraries that wrote or read files in it."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self.through: dict[str, set[str]] = defaultdict(set)
        self._open: list[str] = []
        self._since = 0.0

    @contextmanager
    def running(self, stage: str) -> Iterator[None]:
        """Count the body as `stage`."""
        self._lap()
        self._open.append(stage)
        try:
            yield
        finally:
            self._lap()
            self._open.pop()

    def timed(self, stage: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """`function`, counted as `stage`."""

        @wraps(function)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            with self.running(stage):
                return function(*args, **kwargs)

        return wrapped

    def note(self, library: str) -> None:
        """Add a library to the current stage."""
        if self._open:
            self.through[self._open[-1]].add(library)

    def _lap(self) -> None:
        now = time.process_time()
        if self._open:
            self.seconds[self._open[-1]] += now - self._since
        self._since = now


@contextmanager
def staged(clock: StageClock) -> Iterator[None]:
    """Measure every stage of the core in the body with `clock`; the rest of the body is REST."""
    measured: list[tuple[str, Any, str]] = [
        (VALIDATE, pipeline.Pipeline, "check"),
        (HEADER, pipeline, "open_job"),
        (SOURCE, sources.OpenJob, "decode"),
        *((LUMA, dssim, name) for name in ("luma", "luma_planes")),
        (MOMENTS, Reference, "__init__"),
        (METRIC, Reference, "dssim"),
        (MOMENTS, FrameReference, "__init__"),
        (METRIC, FrameReference, "score"),
        (NETWORK, Network, "predict"),
        *((FEATURES, session, name) for name in ("luma_features", "with_chroma")),
        (PRIOR, by_score, "score_prior"),
        (PRIOR, by_size, "size_prior"),
        (SEARCH, Attempts, "search"),
        *((SEARCH, place, "chance") for place in (by_score, by_size)),
    ]
    for encoder in ENCODERS.values():
        measured += [(ENCODE, encoder, "encode"), (DECODE_RESULT, encoder, "decode")]
    with ExitStack() as stack:
        for stage, place, name in measured:
            timed = clock.timed(stage, getattr(place, name))
            stack.enter_context(mock.patch.object(place, name, timed))
        stack.enter_context(observed(clock.note))
        with clock.running(REST):
            yield
