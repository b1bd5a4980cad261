"""The interface of metrics: the difference between two images, as a number."""

from __future__ import annotations

from typing import Protocol

from autoquality_core.images import Pixels
from autoquality_core.images.pixels import Decoded
from autoquality_core.runtime.arrays import Doubles


class Reference(Protocol):
    """An image that encodings of it are measured against. Thread-safe."""

    def score(self, decoded: Decoded) -> float:
        """The score of a decoded encoding of the image."""


class Metric(Protocol):
    """A way to measure how different two images look.

    Every score has a `value` on a scale on which the curve over quality is smooth and rises:
    higher looks better. `score` inverts it.
    """

    name: str
    """The key of learned data, and the field of the contract that carries the score."""

    noun: str
    """What a score is called in a sentence: "DSSIM", "score"."""

    low: float
    high: float
    """The range of targets. An allowed error is at most their distance."""

    lower_is_better: bool
    """Whether a limit on the score is a maximum."""

    default_target: float
    default_allowed_error: float

    @property
    def default_range(self) -> tuple[int, int] | None:
        """The lowest and the highest quality to try in every format; None: the encoder's."""

    sees_color: bool
    """Whether a change of color alone changes the score; the luma says enough otherwise."""

    usual_curve: tuple[float, float]
    """The usual values at quality 1 and 100, for encoders that nothing was learned for."""

    border_effect: float
    """How much the values of an image of 448x448 pixels exceed those of a large image of the same
    content, because the metric sees nothing beyond the border. It falls with the side. Measured by
    `bench.metric_choices --border`."""

    noise: float
    """The usual standard deviation of values around a smooth curve."""

    allowance: float
    """By how much a curve of values usually falls at most."""

    seconds_per_pixel: float
    """Cost of one measurement in a search, on one core, with the reference prepared."""

    def reference(self, pixels: Pixels) -> Reference:
        """Prepare an image to be compared with encodings of it. Fast; may sample large images."""

    def compare(self, first: Pixels, second: Pixels) -> float:
        """The exact score between two images of the same size, as they appear over time."""

    def value(self, score: float) -> float:
        """The value of a score."""

    def score(self, value: Doubles) -> Doubles:
        """The scores of values: the inverse of `value`, elementwise."""
