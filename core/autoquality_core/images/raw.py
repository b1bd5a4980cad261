"""Raw pixels as a source."""

from __future__ import annotations

import numpy as np

from autoquality_core.errors import InvalidRequest, Violations
from autoquality_core.images.limits import ImageLimits
from autoquality_core.images.pixels import Pixels
from autoquality_core.types import RawSource


def check_raw(raw: RawSource, limits: ImageLimits, *, complete: bool = True) -> None:
    """Check shape and limits, and with `complete` the number of bytes.

    Raises InvalidRequest for a wrong number of bytes and other values out of range, and
    InvalidImage with the reason IMAGE_TOO_LARGE over a limit.
    """
    wrong = Violations()
    for name, side in (("width", raw.width), ("height", raw.height)):
        if side < 1:
            wrong.add(InvalidRequest(f"raw.{name}", f"must be 1 or more, is {side}"))
    if not 1 <= raw.bands <= 4:
        right = f"must be 1 (grey), 2 (grey, alpha), 3 (RGB) or 4 (RGB, alpha), is {raw.bands}"
        wrong.add(InvalidRequest("raw.bands", right))
    wrong.raise_any()
    limits.check_size("raw", raw.width, raw.height, 1, raw.bands)
    needed, given = raw.width * raw.height * raw.bands, len(raw.pixels)
    if complete and given != needed:
        message = f"{raw.width}x{raw.height}x{raw.bands} needs {needed} bytes, got {given}"
        raise InvalidRequest("raw.pixels", message)


def from_raw(raw: RawSource) -> Pixels:
    """Wrap raw pixels that `check_raw` accepts."""
    samples = np.frombuffer(raw.pixels, np.uint8)
    return Pixels(samples.reshape(1, raw.height, raw.width, raw.bands))
