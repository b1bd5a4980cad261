"""Every image by every method and setting."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from autoquality_core.images import Pixels, from_raw
from autoquality_core.metrics import DSSIM
from autoquality_core.networks import Predictor
from autoquality_core.pipeline.defaults import Defaults
from autoquality_core.pipeline.pipeline import Pipeline
from autoquality_core.runtime.deadline import Deadline
from autoquality_core.types import Format, Method, RawSource, TargetSpec
from autoquality_train.samples import decode
from autoquality_train.sweeps import SETTINGS
from bench.compare.ours import job_of
from bench.compare.subject import LIMITS
from bench.compare.task import WIDE
from bench.worst.facts import Search, Try
from bench.worst.watch import Watch, watched

METHODS = (Method.SIZE, Method.DSSIM)
ROOM = 1.01
"""A budget over what the quality comes to that it is told by, as bench.compare has it."""

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Plan:
    """What is asked of every image: a DSSIM, and 1 % more than the quality `budget` comes to.

    Of an image of more than `megapixels` its middle is taken.
    """

    settings: Sequence[str] = tuple(SETTINGS)
    target: float = 0.02
    error: float = 0.001
    budget: int = 65
    megapixels: float = 1.0


@dataclass(frozen=True)
class Picture:
    """An image, or the middle of one, as the core is given it."""

    name: str
    pixels: Pixels
    source: RawSource

    @property
    def megapixels(self) -> float:
        return self.source.width * self.source.height / 1e6


def middle(path: Path, megapixels: float, name: str = "") -> Picture:
    """An image file, or so many megapixels of its middle. Raises InvalidImage and OSError."""
    image = decode(path).image
    part = min(1.0, math.sqrt(1e6 * megapixels / (image.width * image.height)))
    width, height = (max(1, int(side * part)) for side in (image.width, image.height))
    piece = image.crop((image.width - width) // 2, (image.height - height) // 2, width, height)
    source = RawSource(width, height, piece.bands, piece.write_to_memory())
    return Picture(name or path.name, from_raw(source, LIMITS), source)


def names(paths: Sequence[Path]) -> list[str]:
    """File names, with their folders where two files share one."""
    known = Counter(path.name for path in paths)
    return [
        path.name if known[path.name] == 1 else f"{path.parent.name}/{path.name}" for path in paths
    ]


def run(
    paths: Sequence[Path], networks: Mapping[Format, Predictor], plan: Plan, tell: Tell
) -> Iterator[Search]:
    """Search by search. Raises InvalidImage and OSError."""
    pipeline = Pipeline(Defaults(), LIMITS, networks)
    for number, (path, name) in enumerate(zip(paths, names(paths), strict=True), 1):
        picture = middle(path, plan.megapixels, name)
        tell(f"{number} of {len(paths)}: {picture.name}, {picture.megapixels:.2f} MP")
        for setting in plan.settings:
            for method in METHODS:
                yield one_search(pipeline, picture, method, setting, plan)


def one_search(
    pipeline: Pipeline, picture: Picture, method: Method, setting: str, plan: Plan
) -> Search:
    """One request to the core, and what became of it."""
    encoder = SETTINGS[setting]
    target = plan.target
    if method is Method.SIZE:
        target = float(int(ROOM * len(encoder.encode(picture.pixels, plan.budget))))
    spec = TargetSpec(method, target, *WIDE, plan.error)
    job = job_of(encoder, picture.source, spec)
    with watched() as watch:
        found = pipeline.encode(job, Deadline())
    tries = tuple(
        Try(one.quality, one.size_bytes, one.scores.get(DSSIM.name)) for one in found.probes
    )
    curve, doubt = watch.expected(tries[0].quality)
    pixels = picture.source.width * picture.source.height
    return Search(
        image=picture.name,
        megapixels=round(picture.megapixels, 3),
        method=method.value,
        setting=setting,
        target=target,
        error=plan.error,
        low=WIDE[0],
        high=WIDE[1],
        tries=tries,
        answer=found.quality,
        outcome=found.outcome.value,
        # A curve is log(bytes a pixel) or -log(DSSIM).
        expected=math.exp(curve) * pixels if method is Method.SIZE else math.exp(-curve),
        doubt=doubt,
        allowance=watch.allowance,
        known_by=_known_by(watch, predicted=found.predicted_quality is not None),
    )


def _known_by(watch: Watch, *, predicted: bool) -> str:
    if predicted:
        return "network"
    return "sketch" if watch.has_features else "encoder"
