"""A value that is read from files, and read again when they change.

Asked for at every use rather than by a clock: what was revoked is not accepted
once more, and there is nothing to start or to stop.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Generic, TypeVar

from autoquality_server.config.spec import ConfigError
from autoquality_server.telemetry.logs import logger

T = TypeVar("T")

_TICK_NS = 1_000_000_000
"""A file that changed so short a time ago may change again without a new time
of change: file systems count in ticks of some milliseconds, some of seconds."""

_log = logger(__name__)


class Changing(Generic[T]):
    """The newest usable value of some files. Thread-safe."""

    def __init__(self, what: str, paths: Sequence[Path], read: Callable[[], T]) -> None:
        """Read it; `read` raises ConfigError, and so does this. `what` is for the log."""
        self._what = what
        self._paths = tuple(paths)
        self._read = read
        self._lock = threading.Lock()
        self._complaint = ""
        state = self._state()
        self._value = read()
        self._known = _once_settled(state)

    def current(self) -> T:
        """The value; the same object for as long as the files say the same.

        Files that cannot be used leave the value as it was, which is logged
        once: half-written ones, and those that are gone.
        """
        with self._lock:
            state = self._state()
            if state != self._known:
                self._renew()
                self._known = _once_settled(state)
            return self._value

    def _renew(self) -> None:
        try:
            value = self._read()
        except ConfigError as error:
            if str(error) != self._complaint:
                self._complaint = str(error)
                _log.error(f"{self._what} stay as they were", error=self._complaint)
            return
        self._complaint = ""
        if value != self._value:
            self._value = value
            _log.info(f"{self._what} were replaced")

    def _state(self) -> tuple[_State | None, ...]:
        return tuple(map(_state, self._paths))


_State = tuple[int, int, int]
"""A file's time of change in nanoseconds, its inode and its size."""


def _state(path: Path) -> _State | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino, found.st_size


def _once_settled(states: tuple[_State | None, ...]) -> tuple[_State | None, ...] | None:
    """The states, None while one of them may still hide a change: then it is read again."""
    now = time.time_ns()
    settled = all(state is None or abs(now - state[0]) > _TICK_NS for state in states)
    return states if settled else None
