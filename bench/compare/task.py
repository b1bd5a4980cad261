"""What is asked: an image, an encoder's setting, a goal."""

from __future__ import annotations

from dataclasses import dataclass

from autoquality_core.formats import Encoder
from autoquality_core.metrics import DSSIM
from autoquality_core.search import Goal as SearchGoal
from autoquality_core.search import ScoreGoal, SizeGoal
from autoquality_core.types import Format, Method
from autoquality_train.sweeps import SETTINGS
from bench.compare.subject import Subject

DEFAULT_RANGES = {"jpeg": (70, 80), "jpeg-mozjpeg": (70, 80), "webp": (70, 80), "avif": (60, 65)}
"""The range where a request names none: imgproxy's, and the service's."""

WIDE = (10, 95)
NAMES = {
    "jpeg": "JPEG",
    "jpeg-mozjpeg": "JPEG, best mozjpeg",
    "webp": "WebP, effort 4",
    "avif": "AVIF, speed 8",
}


@dataclass(frozen=True, slots=True)
class Goal:
    """A DSSIM (within `error`) or a number of bytes, by the qualities `low` to `high`."""

    method: Method
    target: float
    low: int
    high: int
    error: float = 0.001

    @property
    def by_size(self) -> bool:
        return self.method is Method.SIZE

    def search_goal(self, pixels: int) -> SearchGoal:
        """The same as our search understands it."""
        if self.by_size:
            return SizeGoal(self.target, pixels)
        return ScoreGoal(DSSIM, self.target, self.error)


@dataclass(frozen=True, slots=True)
class Task:
    """One image, to be encoded by `setting` towards `goal`; `span` names the range."""

    subject: Subject
    setting: str
    goal: Goal
    span: str

    @property
    def encoder(self) -> Encoder:
        return SETTINGS[self.setting]

    @property
    def format(self) -> Format:
        return self.encoder.format
