"""What the core's search believed before its first encoding, taken as it is called."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import wraps
from typing import Any
from unittest import mock

from autoquality_core.encode import session
from autoquality_core.encode.methods import dssim as by_dssim
from autoquality_core.encode.methods import size as by_size
from autoquality_core.search import CurvePrior, Roughness
from autoquality_core.search.objective import DSSIM_FLOOR


@dataclass
class Watch:
    """Filled while a request runs: the prior that its search began with, and what it came from."""

    prior: CurvePrior | None = None
    roughness: Callable[[], Roughness] | None = None
    sketched: bool = False

    @property
    def allowance(self) -> float:
        """How far (a logarithm) the curve was allowed to turn back; at most from 1 to the floor."""
        rough = self._prior if self.roughness is None else self.roughness()
        return min(rough.allowance, -math.log(DSSIM_FLOOR))

    def expected(self, quality: int) -> tuple[float, float]:
        """The curve's value that was believed at a quality, and its standard deviation."""
        at, prior = quality - 1, self._prior
        variance = float(prior.covariance[at, at]) + prior.noise**2
        return float(prior.mean[at]), math.sqrt(max(variance, 0.0))

    @property
    def _prior(self) -> CurvePrior:
        assert self.prior is not None, "no search was made"
        return self.prior


@contextmanager
def watched() -> Iterator[Watch]:
    """Watch the search of one request that this thread makes in the body."""
    watch = Watch()

    def searching(search: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(search)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            watch.prior, watch.roughness = kwargs["prior"], kwargs["roughness"]
            return search(*args, **kwargs)

        return wrapped

    def sketching(sketch: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(sketch)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            watch.sketched = True
            return sketch(*args, **kwargs)

        return wrapped

    with ExitStack() as stack:
        for place, name, around in (
            (by_size, "search", searching),
            (by_dssim, "search", searching),
            (session, "sketch", sketching),
        ):
            around_it = around(getattr(place, name))
            stack.enter_context(mock.patch.object(place, name, around_it))
        yield watch
