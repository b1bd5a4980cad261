"""What every tool gets, and what it returns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from autoquality_core.formats import Encoder
from autoquality_core.metrics import METRICS, Metric
from autoquality_core.types import Format, Method, ResolvedTarget
from autoquality_train.labels.sweeps import SETTINGS
from bench.clock import Spent
from bench.compare.subject import Subject

WIDE = (10, 95)
NAMES = {
    "jpeg": "JPEG",
    "jpeg-mozjpeg": "JPEG, best mozjpeg",
    "webp": "WebP, effort 4",
    "avif": "AVIF, speed 8",
}
"""The settings that are compared. No rival writes JPEG XL."""

ALL_NAMES = {**NAMES, "jxl": "JPEG XL, effort 5"}

DEFAULT_RANGES = {name: SETTINGS[name].default_range for name in NAMES}
"""The default ranges of imgproxy and of the service."""


@dataclass(frozen=True, slots=True)
class Task:
    """One image to encode by `setting` for a target; `span` names the range of qualities."""

    subject: Subject
    setting: str
    resolved: ResolvedTarget
    span: str

    @property
    def by_size(self) -> bool:
        return self.resolved.method is Method.SIZE

    @property
    def metric(self) -> Metric | None:
        """The metric of the target; None for a byte budget."""
        return None if self.by_size else METRICS[self.resolved.metric or self.resolved.method.value]

    @property
    def encoder(self) -> Encoder:
        return SETTINGS[self.setting]

    @property
    def format(self) -> Format:
        return self.encoder.format


@dataclass(frozen=True, slots=True)
class Entry:
    """A file that a tool encoded, and its cost; None for numbers that the tool does not give.

    `met` is True if the tool itself reports that it met the target.
    """

    data: bytes
    spent: Spent
    encodings: int | None = None
    quality: int | None = None
    met: bool | None = None


class Entrant(Protocol):
    """A tool that takes part."""

    name: str
    own_encoder: bool
    """True if it does not use our encoder: then sizes are compared, too."""

    def enters(self, task: Task) -> bool:
        """True if the tool can do the task."""

    def encode(self, task: Task) -> Entry:
        """Do the task; times everything that a user would wait for."""


@dataclass(frozen=True, slots=True)
class Row:
    """The result of one tool for one task; times are processor seconds, sizes bytes.

    `dssim` is measured with every window. `score` is the exact score by the metric of the target;
    for a byte budget it is the DSSIM. `at_equal_dssim` divides the size by that of our
    encoder at the same DSSIM. Only for our methods: `none` and `floor` are the times of method
    none and of the floor at the quality that was found, `none_wall` is wall-clock time.
    """

    image: str
    megapixels: float
    setting: str
    span: str
    method: str
    target: float
    error: float
    entrant: str
    size: int
    dssim: float
    score: float
    cpu: float
    wall: float
    encodings: int | None = None
    quality: int | None = None
    met: bool | None = None
    at_equal_dssim: float | None = None
    none: float | None = None
    none_wall: float | None = None
    floor: float | None = None

    @property
    def budget_used(self) -> float:
        """The part of the byte budget that the file takes."""
        return self.size / self.target

    @property
    def task(self) -> tuple[str, str, str, str, float]:
        """A key of the task, equal for all tools."""
        return self.image, self.setting, self.span, self.method, self.target
