"""Ends a process that cannot go on, or that does not stop by itself."""

from __future__ import annotations

import os
import sys
import threading
import time
from functools import partial

from autoquality_server.process import BROKEN
from autoquality_server.telemetry.logs import logger

_log = logger(__name__)


_LOG_SECONDS = 1.0
"""Seconds for a last line of the log. Its reader may have stopped, and then no write returns."""


class ExitTimer:
    """Ends the process after a time that is set later.

    Its threads start at once: when memory is short, none can be started.
    """

    def __init__(self) -> None:
        self._set = threading.Event()
        self._passed = threading.Event()
        self._logged = threading.Event()
        for work in (self._exit, self._log):
            threading.Thread(target=work, name="exit-timer", daemon=True).start()

    def start(self, seconds: float, status: int) -> None:
        """Schedule an exit with `status`, which nothing can prevent; only the first call counts."""
        if not self._set.is_set():
            self._seconds, self._status = seconds, status
            self._set.set()

    def _exit(self) -> None:
        self._set.wait()
        time.sleep(self._seconds)
        self._passed.set()
        self._logged.wait(_LOG_SECONDS)
        os._exit(self._status)

    def _log(self) -> None:
        self._passed.wait()
        _log.critical("did not stop in time", seconds=self._seconds)
        self._logged.set()


def end_with_any_thread() -> ExitTimer:
    """From now on, exit as BROKEN when a thread of this process ends with an exception.

    Out of memory, this may hit the thread that receives the requests or that times them. Without
    it, a server neither recovers nor drains. Returns the timer that ends the process even if the
    exception cannot be logged; it has no time set.
    """
    timer = ExitTimer()
    threading.excepthook = partial(_on_exception, timer)
    sys.unraisablehook = _on_unraisable
    return timer


def _on_unraisable(ignored: sys.UnraisableHookArgs) -> None:
    """Log an exception that Python cannot pass on, for example of a finalizer, as one line."""
    exc_info = (ignored.exc_type, ignored.exc_value, ignored.exc_traceback)
    _log.error("an exception was ignored", exc_info=exc_info)


def _on_exception(timer: ExitTimer, ended: threading.ExceptHookArgs) -> None:
    if ended.exc_type is SystemExit:
        return
    try:
        timer.start(_LOG_SECONDS, BROKEN)
        name = ended.thread.name if ended.thread else ""
        exc_info = (ended.exc_type, ended.exc_value, ended.exc_traceback)
        _log.critical("a thread ended: the process ends", thread=name, exc_info=exc_info)
    finally:
        os._exit(BROKEN)
