"""What the core's search believed before its first encoding, taken as it is called."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import wraps
from typing import Any
from unittest import mock

from autoquality_core.metrics import DSSIM
from autoquality_core.pipeline import session
from autoquality_core.pipeline.methods import score as by_score
from autoquality_core.pipeline.methods import size as by_size
from autoquality_core.search import CurvePrior, Roughness


@dataclass
class Watch:
    """Filled while a request runs: the prior that its search began with, and what it came from."""

    prior: CurvePrior | None = None
    roughness: Callable[[], Roughness] | None = None
    has_features: bool = False

    @property
    def allowance(self) -> float:
        """How far (a logarithm) the curve was allowed to turn back; at most from 1 to the floor."""
        rough = self._prior if self.roughness is None else self.roughness()
        return min(rough.allowance, DSSIM.value(0.0))

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

    def looking(features: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(features)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            watch.has_features = True
            return features(*args, **kwargs)

        return wrapped

    with ExitStack() as stack:
        for place, name, around in (
            (by_size, "search", searching),
            (by_score, "search", searching),
            (session, "luma_features", looking),
        ):
            around_it = around(getattr(place, name))
            stack.enter_context(mock.patch.object(place, name, around_it))
        yield watch
