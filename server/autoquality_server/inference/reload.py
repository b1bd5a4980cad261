"""Polls the files of networks and reloads those that change."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable
from pathlib import Path

from autoquality_core.networks.side_file import side_path
from autoquality_server.config.watched_files import WatchedFiles

_log = logging.getLogger(__name__)


class WatchedNetwork:
    """The files of a network. Create it before you load them."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._files = WatchedFiles((path, side_path(path)))

    def changed(self) -> bool:
        """Whether there is a new network, completely written. Reports each change once."""
        return self._files.settled() and self._path.is_file()


class Poller:
    """Polls networks every `interval` seconds in a thread of its own."""

    def __init__(
        self, reloads: Iterable[tuple[WatchedNetwork, Callable[[], object]]], interval: float
    ) -> None:
        """`reloads` gives for each network the function to call when it has changed."""
        self._reloads = tuple(reloads)
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
            for network, reload in self._reloads:
                try:
                    if network.changed():
                        reload()
                except Exception:  # noqa: BLE001 - other networks must still be polled
                    _log.exception("a changed network could not be loaded")
