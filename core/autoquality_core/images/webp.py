"""WebP decoded by OpenCV, for the plain kind of file: libwebp is given all rows at once.

libvips feeds libwebp so that the same pixels take five times as long.
"""

from __future__ import annotations

import re

import cv2
import numpy as np
import numpy.typing as npt

from autoquality_core.types import Data

_PLAIN = re.compile(rb"RIFF....WEBPVP8 ", re.DOTALL)
"""A file without the chunk VP8X holds one lossy picture: no alpha, profile, Exif, animation."""


def decode_plain_webp(data: Data, width: int, height: int) -> npt.NDArray[np.uint8] | None:
    """The samples of a plain lossy WebP: (1, height, width, 3), RGB.

    None if the file is not plain, is damaged, or is not of these sides: then it
    is for libvips to decode or refuse.
    """
    if _PLAIN.match(data) is None:
        return None
    try:
        found = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB)
    except cv2.error:
        return None
    if found is None or found.shape != (height, width, 3) or found.dtype != np.uint8:
        return None
    return np.asarray(found, np.uint8)[np.newaxis]
