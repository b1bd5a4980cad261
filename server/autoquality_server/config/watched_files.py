"""Files that may change while the server runs."""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path
from typing import TypeAlias

State: TypeAlias = tuple[tuple[int, int, int] | None, ...]
"""Of each file the time of its last change in nanoseconds, its inode and its size, or None."""

_TICK_NS = 1_000_000_000
"""Some file systems count times in seconds: two changes within one look alike."""


class WatchedFiles:
    """Detects changes of some files. Create it before you read them. Not thread-safe."""

    def __init__(self, paths: Iterable[Path]) -> None:
        self._paths = tuple(paths)
        self._known = self._last = self._state()
        self._may_hide_change = _is_recent(self._known)

    def changed(self) -> bool:
        """Whether the files may have changed since the last call: then read them at once.

        A file changed less than a second before the last call counts as changed, because a second
        change may not show. A file that appears or disappears has changed, too.
        """
        state = self._state()
        changed = state != self._known or self._may_hide_change
        self._known = state
        self._may_hide_change = _is_recent(state)
        return changed

    def settled(self) -> bool:
        """Whether the files have changed, and then stayed the same since the last call.

        For polling files that are expensive to read: it waits while a file is being written, or
        while the first one is missing, and reports each change once.
        """
        state = self._state()
        same = state == self._last
        self._last = state
        if not same or state == self._known:
            return False
        self._known = state
        return state[0] is not None

    def _state(self) -> State:
        return tuple(map(_state_of, self._paths))


def _state_of(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino, found.st_size


def _is_recent(state: State) -> bool:
    now = time.time_ns()
    return any(one is not None and abs(now - one[0]) <= _TICK_NS for one in state)
