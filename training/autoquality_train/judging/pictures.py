"""What a report shows of a judged image."""

from __future__ import annotations

from dataclasses import dataclass, field

from autoquality_core.images import Pixels
from autoquality_train.sweeps import FloatArray

_SIDE = 224


@dataclass(frozen=True, slots=True)
class Picture:
    """A thumbnail (WebP) and the DSSIM at quality 1 to 100, shape (100,), by format."""

    thumbnail: bytes
    width: int
    height: int
    dssim: dict[str, FloatArray] = field(default_factory=dict)

    @classmethod
    def of(cls, pixels: Pixels) -> Picture:
        small = pixels.image.thumbnail_image(_SIDE, height=_SIDE, size="down")
        return cls(bytes(small.webpsave_buffer(Q=80)), pixels.width, pixels.height)
