"""An image whose every quality is known, and trials that look it up."""

from __future__ import annotations

from dataclasses import dataclass

from autoquality_core.encode.methods import Session
from autoquality_core.formats import CODECS
from autoquality_core.images import Pixels
from autoquality_core.runtime.deadline import Deadline
from autoquality_core.search import Observation
from autoquality_core.types import EncoderOptions, Format, Probe
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
    def format(self) -> Format:
        return SETTINGS[self.setting][0]

    @property
    def options(self) -> EncoderOptions:
        return SETTINGS[self.setting][1]

    def dssim(self, quality: int) -> float:
        """The DSSIM at `quality`, 1 to 100."""
        return float(self.sweep.dssim[quality - 1])

    def size(self, quality: int) -> int:
        """The file's bytes at `quality`, 1 to 100."""
        area = self.pixels.width * self.pixels.height
        return round(float(self.sweep.bytes_per_pixel[quality - 1]) * area)

    def observation(self, quality: int) -> Observation:
        return Observation(quality, self.size(quality), self.dssim(quality))


class SweptTrial(Session):
    """A trial whose probes are looked up in a sweep; nothing is encoded, no time passes."""

    def __init__(self, swept: Swept) -> None:
        super().__init__(swept.pixels, CODECS[swept.format], swept.options, Deadline())
        self._swept = swept

    def probe(self, quality: int, *, measure: bool) -> Probe:
        dssim = self._swept.dssim(quality) if measure else None
        one = Probe(quality, self._swept.size(quality), dssim, 0.0, 0.0)
        self.probes.append(one)
        return one
