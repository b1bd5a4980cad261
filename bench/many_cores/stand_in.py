"""A server whose codecs and metrics wait in place of working.

The first calls with the same input are real. Later ones wait as long as the fastest of those took
in processor time, and return its result. So images must differ in size, and a worker stands for a
core. Everything else is real: gRPC, the request, the search.

    python -m bench.many_cores.stand_in
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Hashable
from typing import Any

from autoquality_core.formats import Encoder, JpegEncoder, WebpEncoder
from autoquality_core.images import Pixels, Source
from autoquality_core.metrics import METRICS
from autoquality_server.__main__ import main

REAL = 5
"""Real calls with the same input."""

Work = Callable[..., Any]


def waiting(work: Work, key: Callable[..., Hashable]) -> Work:
    """`work`, which waits once the result for the `key` of its arguments is known."""
    known: dict[Hashable, tuple[int, float, Any]] = {}
    lock = threading.Lock()

    def call(*args: Any, **named: Any) -> Any:
        name = key(*args)
        calls, seconds, result = known.get(name, (0, float("inf"), None))
        if calls >= REAL:
            time.sleep(seconds)
            return result
        with lock:
            start = time.thread_time()
            made = work(*args, **named)
            spent = time.thread_time() - start
            calls, seconds, result = known.get(name, (0, float("inf"), made))
            known[name] = calls + 1, min(seconds, spent), result
            return result

    return call


class _Reference:
    """An image to measure against, which waits."""

    def __init__(self, real: Any) -> None:
        self.score = waiting(real.score, id)


def _quality(own: Encoder, pixels: Pixels, quality: int) -> Hashable:
    return own, pixels.samples.shape, quality


def install() -> None:
    """Replace the codecs of JPEG and WebP, and all metrics."""
    decode = waiting(Source.decode, lambda source: len(source.data))
    Source.decode = decode  # type: ignore[method-assign]
    for encoder in (JpegEncoder, WebpEncoder):
        # Results are kept, so that the same file is the same object.
        encode = waiting(encoder.encode, _quality)
        read = waiting(encoder.decode, lambda own, data, _: (own, id(data)))
        encoder.encode, encoder.decode = encode, read  # type: ignore[method-assign]
    for metric in METRICS.values():
        kind: Any = type(metric)
        real = kind.reference
        kind.reference = waiting(
            lambda own, pixels, real=real: _Reference(real(own, pixels)),
            lambda own, pixels: (own.name, pixels.samples.shape),
        )


if __name__ == "__main__":
    install()
    sys.exit(main())
