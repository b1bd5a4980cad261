"""Files that change while the server runs."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable
from pathlib import Path

from autoquality_core.networks.side_file import side_path

State = tuple[tuple[int, int, int] | None, ...]
"""Of each file the time of its last change, its inode and its size; None if it is not there."""

_log = logging.getLogger(__name__)


def state_of(network: Path) -> State:
    """The state of a network's file and of its side file."""
    return tuple(map(_state, (network, side_path(network))))


class WatchedFile:
    """A network's files, and what to do when they change."""

    def __init__(self, network: Path, known: State, changed: Callable[[], object]) -> None:
        """`known` is `state_of(network)` from before it was loaded."""
        self._network = network
        self._changed = changed
        self._known = self._last = known

    def look(self) -> None:
        """Call `changed` if the files differ from what is known, and no longer from the last look.

        So a file that is still being written is left alone. What was told once,
        usable or not, is known. A file that is gone is no change.
        """
        state = state_of(self._network)
        settled = state == self._last
        self._last = state
        if settled and state != self._known and state[0] is not None:
            self._known = state
            self._changed()


class Watcher:
    """Looks at files every `interval` seconds, in a thread of its own."""

    def __init__(self, files: Iterable[WatchedFile], interval: float) -> None:
        self._files = tuple(files)
        self._interval = interval
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, name="network-files", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Look no more; returns once the last look is over."""
        self._stop.set()
        self._thread.join()

    def _work(self) -> None:
        while not self._stop.wait(self._interval):
            for file in self._files:
                try:
                    file.look()
                except Exception:  # noqa: BLE001 - one network must not end the watch over the others
                    _log.exception("a changed network could not be loaded")


def _state(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino, found.st_size
