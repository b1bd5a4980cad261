"""The bare codec: libjpeg-turbo decodes a JPEG and encodes it again, in memory."""

from __future__ import annotations

import time

from imagecodecs import _jpeg8

from bench.clock import repeat

QUALITY = 80


def reencoded(source: bytes) -> bytes:
    """The file that the service makes of `source`, except for a header of 18 bytes."""
    samples = _jpeg8.jpeg8_decode(source)
    return bytes(_jpeg8.jpeg8_encode(samples, QUALITY, subsampling="420", optimize=True))


def repeated(source: bytes, threads: int, seconds: float) -> tuple[list[float], float, float]:
    """Repeat it in threads: the durations, the total time, the processor time, all in seconds."""
    start = time.process_time()
    durations, took = repeat(lambda _: reencoded(source), threads, seconds)
    return durations, took, time.process_time() - start
