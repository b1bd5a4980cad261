"""A timeout for many pieces of work, with one thread."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class _Timeout:
    """The timeout of one body."""

    def __init__(self, due: float, on_timeout: Callable[[], object]) -> None:
        self.due = due
        self.on_timeout = on_timeout
        self.passed = False


class TimeoutTimer:
    """Gives every body the same time. Thread-safe; runs a thread until `close`."""

    def __init__(self, seconds: float) -> None:
        """`seconds` 0 means no limit."""
        self._seconds = seconds
        self._changed = threading.Condition()
        self._running: OrderedDict[_Timeout, None] = OrderedDict()
        self._closed = False
        self._thread = threading.Thread(target=self._work, name="timeouts", daemon=True)
        self._thread.start()

    def __len__(self) -> int:
        """The number of bodies that run."""
        return len(self._running)

    def close(self) -> None:
        """Stop the thread; no timeout passes any more."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join()

    @contextmanager
    def running(self, on_timeout: Callable[[], object]) -> Iterator[Callable[[], bool]]:
        """Call `on_timeout` in the timer's thread if the body takes too long.

        Yields a function that returns True once the time has passed.
        """
        timeout = _Timeout(time.monotonic() + self._seconds, on_timeout)
        with self._changed:
            # The thread never sleeps longer than a timeout, so it need not wake for this one.
            self._running[timeout] = None
        try:
            yield lambda: timeout.passed
        finally:
            with self._changed:
                self._running.pop(timeout, None)

    def _work(self) -> None:
        while True:
            with self._changed:
                if self._closed:
                    return
                first = next(iter(self._running), None)
                if first is None or not self._seconds:
                    self._changed.wait(self._seconds or None)
                    continue
                left = first.due - time.monotonic()
                if left > 0:
                    del first  # its work may end while this waits
                    self._changed.wait(left)
                    continue
                first.passed = True
                del self._running[first]
            first.on_timeout()
