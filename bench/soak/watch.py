"""The server from outside, over time."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from bench.serving import Server, Vitals


@dataclass(frozen=True)
class Sample:
    """How the server was at a moment, in seconds on the monotonic clock."""

    at: float
    vitals: Vitals


def sample(server: Server) -> Sample:
    """How it is now. Raises OSError or KeyError once it has ended."""
    return Sample(time.monotonic(), server.vitals())


@contextmanager
def watching(server: Server, every: float) -> Iterator[list[Sample]]:
    """Fill the list with a sample every so many seconds, while the server lives."""
    samples: list[Sample] = []
    end = threading.Event()

    def watch() -> None:
        while not end.wait(every):
            try:
                samples.append(sample(server))
            except (OSError, KeyError):
                return

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield samples
    finally:
        end.set()
        watcher.join()
