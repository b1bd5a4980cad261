"""Processor time by megapixels: one image at a time, by the core."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial

from autoquality_core.pipeline.defaults import Defaults
from autoquality_core.pipeline.pipeline import Pipeline
from autoquality_core.runtime.deadline import Deadline
from autoquality_core.types import Method, TargetSpec
from autoquality_train.labels.sweeps import SETTINGS
from bench.clock import here
from bench.compare.ours import job_of, predictors
from bench.compare.subject import LIMITS
from bench.images import photograph
from bench.record import Measure, spread_of

WHAT = "processor time by size"
TARGETS = {Method.NONE: None, Method.SIZE: None, Method.DSSIM: 0.02, Method.SSIMULACRA2: 70.0}
"""Each method with its target; that of `size` depends on the image."""
METHODS = tuple(method.value for method in TARGETS)
BUDGET = 0.06
"""The budget of method size in bytes per pixel."""


def megapixels(
    sizes: Sequence[float],
    settings: Sequence[str],
    limit: float,
    repeats: int,
    on_skip: Callable[[str], None],
) -> Iterator[Measure]:
    """Seconds by setting, method and size; the goal of a measure is the size.

    Sizes that would take more than `limit` seconds are skipped; `on_skip` is called with a message.
    """
    pipeline = Pipeline(Defaults(), LIMITS, predictors())
    pictures = [photograph(size) for size in sizes]
    for setting in settings:
        for method, score in TARGETS.items():
            before: tuple[float, float] | None = None
            for source, size in pictures:
                if before is not None and before[0] * size / before[1] > limit:
                    on_skip(
                        f"{setting} by {method.value}: nothing above {before[1]:.1f} megapixels, "
                        f"which took {before[0]:.1f} s of the {limit:g} s allowed"
                    )
                    break
                target = BUDGET * size * 1e6 if method is Method.SIZE else score
                spec = TargetSpec(method, target, 10, 95)
                job = job_of(SETTINGS[setting], source, spec)
                if before is None:
                    pipeline.encode(job, Deadline())  # loads and compiles
                encode = partial(pipeline.encode, job, Deadline())
                spread = spread_of([here(encode)[1].cpu for _ in range(repeats)])
                before = spread[0], size
                name = WHAT, method.value, setting, f"{size:.2f}"
                yield Measure(*name, *spread, "s", "lower", repeats)
