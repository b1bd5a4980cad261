"""The difference between two images."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from autoquality_core.errors import InvalidImage, InvalidRequest
from autoquality_core.images import ImageLimits, Pixels, Source, open_image
from autoquality_core.images.colour.icc import in_rgb
from autoquality_core.images.libvips import allocation_failures
from autoquality_core.images.timing import frames_together
from autoquality_core.metrics import METRICS
from autoquality_core.runtime.context import step
from autoquality_core.runtime.deadline import Deadline
from autoquality_core.types import ColorProfile


@dataclass(frozen=True, slots=True)
class Comparison:
    """The exact scores of two images by the metric's name; height is of one frame."""

    scores: Mapping[str, float]
    width: int
    height: int
    frames: int


@dataclass(frozen=True, slots=True)
class OpenPair:
    """Two image files to compare, within the limits and not decoded yet."""

    reference: Source
    distorted: Source

    @classmethod
    def of(cls, reference: bytes, distorted: bytes, limits: ImageLimits) -> OpenPair:
        """Read the headers of both.

        Raises InvalidImage, naming the field, and InvalidRequest, with the reason SIZE_MISMATCH,
        for different sides.
        """
        pair = cls(
            open_image(reference, limits, field="reference"),
            open_image(distorted, limits, field="distorted"),
        )
        _check_sides(pair.reference, pair.distorted)
        return pair

    @property
    def cost(self) -> int:
        """Pixels of both, all frames counted, and more for narrow images."""
        return sum(one.cost(all_frames=True) for one in (self.reference, self.distorted))

    @property
    def profile(self) -> ColorProfile:
        """The colours to compare in: their own if these are the same, else sRGB."""
        same = in_rgb(self.reference.colours.kept) == in_rgb(self.distorted.colours.kept)
        return ColorProfile.KEEP if same else ColorProfile.SRGB

    @allocation_failures()
    def measure(self, deadline: Deadline) -> Comparison:
        """Decode both and compare; of animations, the frames on screen at the same time.

        Raises as `of` does, DeadlinePassed, RequestCancelled and MemoryError.
        """
        first = self._decoded(self.reference, self.distorted, deadline)
        second = self._decoded(self.distorted, self.reference, deadline)
        deadline.check()
        with step("measure"):
            _check_sides(first, second)
            frames = len(frames_together(first.delays, second.delays)[0])
            scores = {name: metric.compare(first, second) for name, metric in METRICS.items()}
            return Comparison(scores, first.width, first.height, frames)

    def _decoded(self, source: Source, other: Source, deadline: Deadline) -> Pixels:
        deadline.check()
        whole = other.frames > 1 or not source.holds_still
        pixels = source.pixels(all_frames=whole)
        with step("decode", pixels=pixels), deadline.in_place_of(InvalidImage):
            return source.decode(all_frames=whole, profile=self.profile, stoppable=deadline.calling)


def _check_sides(first: Pixels | Source, second: Pixels | Source) -> None:
    if (first.width, first.height) != (second.width, second.height):
        raise InvalidRequest(
            "distorted",
            f"must be as large as the reference, {first.width}x{first.height};"
            f" is {second.width}x{second.height}",
            reason="SIZE_MISMATCH",
        )
