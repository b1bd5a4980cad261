"""Raw pixels as a source."""

from __future__ import annotations

import numpy as np

from autoquality_core.errors import InvalidRequest, Violations
from autoquality_core.images.limits import ImageLimits
from autoquality_core.images.pixels import Pixels
from autoquality_core.types import RawSource


def check_raw_shape(raw: RawSource, limits: ImageLimits) -> int:
    """Check width, height and bands; returns the number of bytes that `raw.pixels` must have.

    Raises InvalidRequest for values out of range, and InvalidImage with the reason IMAGE_TOO_LARGE
    over a limit.
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
    return raw.width * raw.height * raw.bands


def check_raw(raw: RawSource, limits: ImageLimits) -> None:
    """Check shape, limits and number of bytes.

    Raises as `check_raw_shape` does, and InvalidRequest for a wrong number of bytes.
    """
    needed = check_raw_shape(raw, limits)
    if len(raw.pixels) != needed:
        raise InvalidRequest(
            "raw.pixels",
            f"{raw.width}x{raw.height}x{raw.bands} needs {needed} bytes, got {len(raw.pixels)}",
        )


def from_raw(raw: RawSource, limits: ImageLimits) -> Pixels:
    """Wrap raw pixels, without a copy unless they have an opaque alpha, which is dropped.

    Raises as `check_raw` does.
    """
    check_raw(raw, limits)
    samples = np.frombuffer(raw.pixels, np.uint8)
    return Pixels(samples.reshape(1, raw.height, raw.width, raw.bands))
