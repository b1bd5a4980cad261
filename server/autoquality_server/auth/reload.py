"""A value read from files, and read again when they change.

The files are checked at each use, not at intervals. So a revoked token is refused from the next
call on, and there is no thread to start or stop.
"""

from __future__ import annotations

import errno
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Generic, TypeVar

from autoquality_core.runtime.files import read_file
from autoquality_server.config.spec import ConfigError
from autoquality_server.config.watched_files import WatchedFiles
from autoquality_server.telemetry.logs import logger

T = TypeVar("T")

MOST_BYTES = 2**20
"""The largest file: calls and handshakes wait while it is read."""

_RETRY_SECONDS = 10.0
"""The wait before unusable files are read again although they did not change: a certificate may
become valid."""

_log = logger(__name__)


def read_small(setting: str, path: Path) -> bytes:
    """Read a file of at most MOST_BYTES. Raises ConfigError, naming `setting`."""
    try:
        return read_file(path, MOST_BYTES)
    except OSError as error:
        right = "of at most 1 MiB" if error.errno == errno.EFBIG else "that can be read"
        raise ConfigError(f"{setting}: must be a regular file {right}, not {str(path)!r}") from None


class Reloaded(Generic[T]):
    """The newest usable value of some files. Thread-safe."""

    def __init__(self, what: str, paths: Iterable[Path], read: Callable[[], T]) -> None:
        """Read the value; raises ConfigError, as `read` does. `what` names it in the log."""
        self._what = what
        self._read = read
        self._lock = threading.Lock()
        self._last_error = ""
        self._retry_at = 0.0
        self._files = WatchedFiles(paths)
        self._value = read()

    def current(self) -> T:
        """Return the value: the same object until the files say something else.

        Files that cannot be used, because they are missing or half-written, leave the value as it
        was; the error is logged once.
        """
        with self._lock:
            retry = self._last_error and time.monotonic() >= self._retry_at
            if self._files.changed() or retry:
                self._reload()
            return self._value

    def _reload(self) -> None:
        try:
            value = self._read()
        except ConfigError as error:
            self._retry_at = time.monotonic() + _RETRY_SECONDS
            if str(error) != self._last_error:
                self._last_error = str(error)
                _log.error(f"{self._what} stay as they were", error=self._last_error)
            return
        self._last_error = ""
        if value != self._value:
            self._value = value
            _log.info(f"{self._what} were replaced")
