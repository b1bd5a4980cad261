"""Allocation failures in codecs, which report them each in words of its own."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import cv2
import pyvips

# The messages of libvips, libpng, libjpeg, OpenCV, libwebp, libheif and aom. libheif reports lack
# of memory as (6.0) and its own limits, which a file exceeds, as (6.1000). What libtiff says
# ("failed to allocate memory for ...") counts as the file's fault: it says so of empty tables too.
_MESSAGES = re.compile(
    r"out of memory|insufficient memory|failed to allocate \d+ bytes|\(6\.0\)"
    r"|av1_create_context_and_bufferpool\(\) failed",
    re.IGNORECASE,
)


@contextmanager
def allocation_failures() -> Iterator[None]:
    """Raise MemoryError where the body fails with a library's error for lack of memory."""
    try:
        yield
    except (pyvips.Error, cv2.error) as error:
        if _MESSAGES.search(str(error)) is None:
            raise
        pyvips.vips_lib.vips_error_clear()
        raise MemoryError("a codec could not allocate memory") from error
