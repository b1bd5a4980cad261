"""Ends what takes too long: one thread for all calls, each with the same time."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class _Grain:
    """One body that runs against the time."""

    def __init__(self, due: float, end: Callable[[], object]) -> None:
        self.due = due
        self.end = end
        self.ran_out = False


class Hourglass:
    """Gives bodies so many seconds. Thread-safe; has a thread from construction to `close`."""

    def __init__(self, seconds: float) -> None:
        """`seconds` 0 is any time."""
        self._seconds = seconds
        self._changed = threading.Condition()
        self._running: OrderedDict[_Grain, None] = OrderedDict()
        self._closed = False
        self._thread = threading.Thread(target=self._work, name="hourglass", daemon=True)
        self._thread.start()

    def __len__(self) -> int:
        """Bodies that run."""
        return len(self._running)

    def close(self) -> None:
        """End nothing any more."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join()

    @contextmanager
    def turned(self, end: Callable[[], object]) -> Iterator[Callable[[], bool]]:
        """Call `end` from another thread if the body takes too long; gives whether it did."""
        grain = _Grain(time.monotonic() + self._seconds, end)
        with self._changed:
            self._running[grain] = None
            if len(self._running) == 1:  # of several, the first is due before this one
                self._changed.notify()
        try:
            yield lambda: grain.ran_out
        finally:
            with self._changed:
                self._running.pop(grain, None)

    def _work(self) -> None:
        while True:
            with self._changed:
                if self._closed:
                    return
                first = next(iter(self._running), None)
                if first is None or not self._seconds:
                    self._changed.wait()
                    continue
                left = first.due - time.monotonic()
                if left > 0:
                    self._changed.wait(left)
                    continue
                first.ran_out = True
                del self._running[first]
            first.end()
