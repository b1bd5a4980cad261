"""The bare codec: decode a JPEG and encode it again, in memory, with libjpeg-turbo by OpenCV.

OpenCV's order of colours is used on both sides, so that nothing is converted.
"""

from __future__ import annotations

import time
from typing import Any

import cv2
import numpy as np

from bench.clock import repeat

QUALITY = 80


def reencoded(source: bytes) -> bytes:
    """The file that the service makes of `source`, except for a header of 18 bytes."""
    flags = cv2.IMREAD_COLOR_BGR | cv2.IMREAD_IGNORE_ORIENTATION
    samples: Any = cv2.imdecode(np.frombuffer(source, np.uint8), flags)
    settings = (cv2.IMWRITE_JPEG_QUALITY, QUALITY, cv2.IMWRITE_JPEG_OPTIMIZE, 1)
    file: bytes = cv2.imencode(".jpg", samples, settings)[1].tobytes()
    return file


def repeated(source: bytes, threads: int, seconds: float) -> tuple[list[float], float, float]:
    """Repeat it in threads: the durations, the total time, the processor time, all in seconds."""
    start = time.process_time()
    durations, took = repeat(lambda _: reencoded(source), threads, seconds)
    return durations, took, time.process_time() - start
