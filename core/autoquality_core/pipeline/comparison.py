"""The difference between two decoded images."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from autoquality_core.errors import InvalidRequest
from autoquality_core.images import Pixels, Source
from autoquality_core.images.timing import frames_together
from autoquality_core.metrics import Metric


@dataclass(frozen=True, slots=True)
class Comparison:
    """The exact scores of two images by the metric's name; height is of one frame."""

    scores: Mapping[str, float]
    width: int
    height: int
    frames: int


def compared(first: Pixels, second: Pixels, metrics: Iterable[Metric]) -> Comparison:
    """Compare two images; of animations, the frames that are on screen at the same time.

    Raises InvalidRequest, with the reason SIZE_MISMATCH, for different sides.
    """
    check_sides(first, second)
    frames = len(frames_together(first.delays, second.delays)[0])
    scores = {metric.name: metric.compare(first, second) for metric in metrics}
    return Comparison(scores, first.width, first.height, frames)


def check_sides(first: Pixels | Source, second: Pixels | Source) -> None:
    """Raise InvalidRequest, with the reason SIZE_MISMATCH, for different sides."""
    if (first.width, first.height) != (second.width, second.height):
        raise InvalidRequest(
            "distorted",
            f"must be as large as the reference, {first.width}x{first.height};"
            f" is {second.width}x{second.height}",
            reason="SIZE_MISMATCH",
        )
