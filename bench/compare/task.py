"""What every tool is asked to do."""

from __future__ import annotations

from dataclasses import dataclass

from autoquality_core.formats import Encoder
from autoquality_core.types import Format, Method, ResolvedTarget
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
    def encoder(self) -> Encoder:
        return SETTINGS[self.setting]

    @property
    def format(self) -> Format:
        return self.encoder.format
