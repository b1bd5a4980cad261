"""Finds requests that go on long after anybody waited for them.

An encoder cannot be interrupted. One that never returns would hold its worker
for ever: nothing frees that but the end of the process.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from autoquality_core.runtime.deadline import Deadline
from autoquality_server.telemetry.logs import logger

_LOOK_EVERY = 1.0

_log = logger(__name__)


class _Watched:
    """One request that runs."""

    def __init__(self, deadline: Deadline, facts: dict[str, object]) -> None:
        self.deadline = deadline
        self.facts = facts


_current: ContextVar[_Watched | None] = ContextVar("watched", default=None)


def tell_watchdog(**facts: object) -> None:
    """Add to what is logged of this thread's request if it hangs."""
    watched = _current.get()
    if watched is not None:
        watched.facts.update(facts)


class Watchdog:
    """Watches requests; has a thread from construction to `close`. Thread-safe."""

    def __init__(self, grace: float, on_hang: Callable[[], None]) -> None:
        """Call `on_hang` once a request is `grace` seconds overdue, once; 0 is never."""
        self._grace = grace
        self._on_hang = on_hang
        self._lock = threading.Lock()
        self._watched: set[_Watched] = set()
        self._closed = threading.Event()
        self.hung = False
        """Whether a request hangs."""
        threading.Thread(target=self._watch, name="watchdog", daemon=True).start()

    def __len__(self) -> int:
        """Requests that run."""
        return len(self._watched)

    @contextmanager
    def watching(self, deadline: Deadline, **facts: object) -> Iterator[None]:
        """Watch the body, for which somebody waits as `deadline` says."""
        watched = _Watched(deadline, facts)
        _current.set(watched)
        with self._lock:
            self._watched.add(watched)
        try:
            yield
        finally:
            with self._lock:
                self._watched.discard(watched)
            # Not reset by its token: a stream may be closed by another thread than began it.
            _current.set(None)

    def anybody_waits(self) -> bool:
        """Whether somebody still waits for one of the requests that run."""
        return any(not one.deadline.overdue() for one in self._all())

    def close(self) -> None:
        self._closed.set()

    def _all(self) -> list[_Watched]:
        with self._lock:
            return list(self._watched)

    def _watch(self) -> None:
        while self._grace and not self._closed.wait(min(_LOOK_EVERY, self._grace)):
            hung = [one for one in self._all() if one.deadline.overdue() > self._grace]
            for one in hung:
                seconds = round(one.deadline.overdue(), 3)
                _log.critical("a request hangs", overdue_seconds=seconds, **one.facts)
            if hung:
                self.hung = True
                self._on_hang()
                return
