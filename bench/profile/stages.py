"""A clock around every stage of a request.

Stages lie in one another (the luma of a result is made while that is decoded):
each is told without those inside it. Time is processor time of all threads, so
that of a network's own threads counts.
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
from autoquality_core.networks import Network
from autoquality_core.pipeline import pipeline, session, sources
from autoquality_core.pipeline.methods import score as by_score
from autoquality_core.pipeline.methods import size as by_size
from bench.profile.libraries import told
from bench.profile.slices import (
    DECODE_RESULT,
    ENCODE,
    HEADER,
    LUMA,
    METRIC,
    MOMENTS,
    NETWORK,
    PRIOR,
    REST,
    SEARCH,
    SKETCH,
    SOURCE,
    VALIDATE,
)


class StageClock:
    """Seconds of processor by stage, and through what library each wrote or read files."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self.through: dict[str, set[str]] = defaultdict(set)
        self._open: list[str] = []
        self._since = 0.0

    @contextmanager
    def running(self, stage: str) -> Iterator[None]:
        """Count what follows as `stage`."""
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
        """Hear what the stage that runs is done by."""
        if self._open:
            self.through[self._open[-1]].add(library)

    def _lap(self) -> None:
        now = time.process_time()
        if self._open:
            self.seconds[self._open[-1]] += now - self._since
        self._since = now


@contextmanager
def staged(clock: StageClock) -> Iterator[None]:
    """Let every stage of the core tell `clock`, on this thread; whatever else is REST."""
    seen: list[tuple[str, Any, str]] = [
        (VALIDATE, pipeline.Pipeline, "check"),
        (HEADER, pipeline, "open_job"),
        (SOURCE, sources.OpenJob, "decode"),
        *((LUMA, dssim, name) for name in ("luma", "luma_planes")),
        (MOMENTS, Reference, "__init__"),
        (METRIC, Reference, "dssim"),
        (NETWORK, Network, "predict"),
        *((SKETCH, session, name) for name in ("luma_features", "with_chroma")),
        (PRIOR, by_score, "score_prior"),
        (PRIOR, by_size, "size_prior"),
        *((SEARCH, place, name) for place in (by_score, by_size) for name in ("search", "chance")),
    ]
    for encoder in ENCODERS.values():
        seen += [(ENCODE, encoder, "encode"), (DECODE_RESULT, encoder, "decode")]
    with ExitStack() as stack:
        for stage, place, name in seen:
            timed = clock.timed(stage, getattr(place, name))
            stack.enter_context(mock.patch.object(place, name, timed))
        stack.enter_context(told(clock.note))
        with clock.running(REST):
            yield
