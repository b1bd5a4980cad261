"""Bisection and secant by our codecs and our metric: only the search is another.

Bisection between the bounds until the DSSIM is within the allowed error is
what imgproxy documents of its method `dssim`.
"""

from __future__ import annotations

from collections.abc import Callable

from autoquality_core.images import open_image
from autoquality_core.metrics import DSSIM
from autoquality_core.pipeline.session import Session
from autoquality_core.runtime.deadline import Deadline
from autoquality_core.search import Goal, Observation
from autoquality_core.types import Method
from autoquality_train.judging.searches import Attempt, Searched, bisection, goal_of, secant
from bench.clock import here
from bench.compare.entrant import Entry
from bench.compare.subject import LIMITS
from bench.compare.task import Task

Search = Callable[[Goal, int, int, Attempt], Searched]


class SearchedBy:
    """Decodes as we do, then tries qualities as `search` says."""

    own_encoder = False

    def __init__(self, name: str, search: Search) -> None:
        self.name = name
        self._search = search

    def enters(self, task: Task) -> bool:
        return True

    def encode(self, task: Task) -> Entry:
        resolved = task.resolved
        metric = None if resolved.method is Method.SIZE else DSSIM

        def work() -> tuple[bytes, Searched, bool]:
            pixels = open_image(task.subject.source, LIMITS).decode(all_frames=False)
            session = Session(pixels, task.encoder, Deadline())
            goal = goal_of(resolved, session.pixel_count)

            def attempt(quality: int) -> Observation:
                one = session.probe(quality, metric)
                return Observation(quality, one.size_bytes, one.scores.get(DSSIM.name))

            found = self._search(goal, resolved.min_quality, resolved.max_quality, attempt)
            data = session.file(found.quality)
            dssim = session.scores(found.quality).get(DSSIM.name)
            met = (
                len(data) <= resolved.target
                if dssim is None
                else abs(dssim - resolved.target) <= resolved.allowed_error
            )
            return data, found, met

        (data, found, met), spent = here(work)
        return Entry(data, spent, found.iterations, found.quality, met)


def searches() -> list[SearchedBy]:
    """Both."""
    return [SearchedBy("bisection", bisection), SearchedBy("secant", secant)]
