"""Polls the files of networks and reloads those that change."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable
from pathlib import Path

from autoquality_core.networks.side_file import side_path

State = tuple[tuple[int, int, int] | None, ...]
"""Time of change, inode and size of each file; None for a missing one."""

_log = logging.getLogger(__name__)


def state_of(network: Path) -> State:
    """The state of a network's file and of its side file."""
    return tuple(map(_state, (network, side_path(network))))


class WatchedFile:
    """A network's files, and the function to call when they change."""

    def __init__(self, network: Path, known: State, changed: Callable[[], object]) -> None:
        """`known` is `state_of(network)` from before it was loaded."""
        self._network = network
        self._changed = changed
        self._known = self._last = known

    def poll(self) -> None:
        """Call `changed` once for each new state that two polls in a row have found.

        That leaves out files that are still being written. A missing network is no
        change.
        """
        state = state_of(self._network)
        settled = state == self._last
        self._last = state
        if settled and state != self._known and state[0] is not None:
            self._known = state
            self._changed()


class Watcher:
    """Polls files every `interval` seconds in a thread of its own."""

    def __init__(self, files: Iterable[WatchedFile], interval: float) -> None:
        self._files = tuple(files)
        self._interval = interval
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, name="network-files", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop after the current poll, and wait for it."""
        self._stop.set()
        self._thread.join()

    def _work(self) -> None:
        while not self._stop.wait(self._interval):
            for file in self._files:
                try:
                    file.poll()
                except Exception:  # noqa: BLE001 - other networks must still be polled
                    _log.exception("a changed network could not be loaded")


def _state(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino, found.st_size
