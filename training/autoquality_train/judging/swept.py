"""An image whose every quality is known, and sessions that look it up."""

from __future__ import annotations

from dataclasses import dataclass

from autoquality_core.encode.session import Session
from autoquality_core.formats import Encoder
from autoquality_core.images import Pixels
from autoquality_core.metrics import DSSIM, Metric
from autoquality_core.runtime.deadline import Deadline
from autoquality_core.search import Observation
from autoquality_core.types import Probe
from autoquality_train.sweeps import SETTINGS, Sweep


@dataclass(frozen=True, slots=True)
class Swept:
    """One image and its sweep at every quality by the encoder setting `setting`.

    `image` and `kind` say which one it is: its file's name and its folder's.
    """

    image: str
    kind: str
    pixels: Pixels
    setting: str
    sweep: Sweep

    def __post_init__(self) -> None:
        """Raises ValueError where a quality is missing."""
        if not self.sweep.complete:
            raise ValueError(f"{self.image} is not swept at every quality")

    @property
    def encoder(self) -> Encoder:
        return SETTINGS[self.setting]

    def dssim(self, quality: int) -> float:
        """The DSSIM at `quality`, 1 to 100."""
        return float(self.sweep.dssim[quality - 1])

    def size(self, quality: int) -> int:
        """The file's bytes at `quality`, 1 to 100."""
        area = self.pixels.width * self.pixels.height
        return round(float(self.sweep.bytes_per_pixel[quality - 1]) * area)

    def observation(self, quality: int) -> Observation:
        return Observation(quality, self.size(quality), self.dssim(quality))


class SweptSession(Session):
    """A session whose probes are looked up in a sweep; nothing is encoded, no time passes."""

    def __init__(self, swept: Swept) -> None:
        super().__init__(swept.pixels, swept.encoder, Deadline())
        self._swept = swept

    def _make_probe(self, quality: int, metric: Metric | None) -> tuple[Probe, bytes]:
        scores = {DSSIM.name: self._swept.dssim(quality)} if metric is DSSIM else {}
        return Probe(quality, self._swept.size(quality), scores, 0.0, 0.0), b""
