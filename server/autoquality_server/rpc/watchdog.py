"""Finds requests that still run long after their caller left.

An encoder cannot be interrupted. A request that never returns holds its worker until the process
ends.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from autoquality_core.runtime.context import Context
from autoquality_server.telemetry.logs import logger

_CHECK_SECONDS = 1.0

_log = logger(__name__)


class Watchdog:
    """Watches requests. Thread-safe; runs a thread until `close`."""

    def __init__(self, grace: float, on_hang: Callable[[], None]) -> None:
        """Call `on_hang` once, when a request is `grace` seconds overdue; 0 means never."""
        self._grace = grace
        self._on_hang = on_hang
        self._lock = threading.Lock()
        self._watched: set[Context] = set()
        self._closed = threading.Event()
        self.hung = False
        """Whether a request hangs."""
        threading.Thread(target=self._watch, name="watchdog", daemon=True).start()

    @contextmanager
    def watching(self, request: Context) -> Iterator[None]:
        with self._lock:
            self._watched.add(request)
        try:
            yield
        finally:
            with self._lock:
                self._watched.discard(request)

    def has_waiting_callers(self) -> bool:
        """Whether the caller of a running request still waits for its answer."""
        return any(not one.deadline.overdue() for one in self._all())

    def close(self) -> None:
        self._closed.set()

    def _all(self) -> list[Context]:
        with self._lock:
            return list(self._watched)

    def _watch(self) -> None:
        while self._grace and not self._closed.wait(min(_CHECK_SECONDS, self._grace)):
            hung = [one for one in self._all() if one.deadline.overdue() > self._grace]
            for one in hung:
                seconds = round(one.deadline.overdue(), 3)
                _log.critical("a request hangs", overdue_seconds=seconds, **one.attributes)
            if hung:
                self.hung = True
                self._on_hang()
                return
