"""Bare pixels as a source."""

from __future__ import annotations

import numpy as np

from autoquality_core.errors import InvalidImage, InvalidRequest
from autoquality_core.images.limits import ImageLimits
from autoquality_core.images.pixels import Pixels
from autoquality_core.types import RawSource


def check_raw_shape(raw: RawSource, limits: ImageLimits, *, field: str = "raw") -> int:
    """Check what bare samples are said to be; gives how many bytes of them there must be.

    `field` is the path of the field in the request that an error begins with.
    Raises InvalidRequest for sides or bands that cannot be, InvalidImage with
    the reason IMAGE_TOO_LARGE over a limit.
    """
    for name, side in (("width", raw.width), ("height", raw.height)):
        if side < 1:
            raise InvalidRequest(f"{field}.{name}", f"must be 1 or more, is {side}")
    if not 1 <= raw.bands <= 4:
        raise InvalidRequest(
            f"{field}.bands",
            f"must be 1 (grey), 2 (grey, alpha), 3 (RGB) or 4 (RGB, alpha), is {raw.bands}",
        )
    pixels = raw.width * raw.height
    if pixels > limits.max_pixels:
        raise InvalidImage(
            field,
            f"{raw.width}x{raw.height} is {pixels} pixels; at most {limits.max_pixels} are"
            " accepted",
            reason="IMAGE_TOO_LARGE",
        )
    return pixels * raw.bands


def check_raw(raw: RawSource, limits: ImageLimits, *, field: str = "raw") -> None:
    """Check that bare samples are what they are said to be, and within the limits.

    Raises as `check_raw_shape` does, and InvalidRequest for another number of
    bytes.
    """
    needed = check_raw_shape(raw, limits, field=field)
    if len(raw.pixels) != needed:
        raise InvalidRequest(
            f"{field}.pixels",
            f"{raw.width}x{raw.height}x{raw.bands} needs {needed} bytes, got {len(raw.pixels)}",
        )


def from_raw(raw: RawSource, limits: ImageLimits, *, field: str = "raw") -> Pixels:
    """Wrap bare samples, without copying them (but for an opaque alpha, which is dropped).

    Raises as `check_raw` does.
    """
    check_raw(raw, limits, field=field)
    samples = np.frombuffer(raw.pixels, np.uint8)
    return Pixels.from_samples(samples.reshape(1, raw.height, raw.width, raw.bands))
