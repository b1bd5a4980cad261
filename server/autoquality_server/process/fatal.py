"""The end of a process that cannot go on, or that does not come to an end by itself."""

from __future__ import annotations

import os
import threading
import time

from autoquality_server.process.exits import BROKEN
from autoquality_server.telemetry.logs import logger

_log = logger(__name__)


class Limit:
    """Ends the process once a time that was set is over; has a thread from construction.

    The thread is there before it is needed: where memory is short, none can be started.
    """

    def __init__(self) -> None:
        self._set = threading.Event()
        threading.Thread(target=self._work, name="limit", daemon=True).start()

    def end_within(self, seconds: float, status: int) -> None:
        """End with `status` after `seconds`, whatever the process waits for; only once."""
        if not self._set.is_set():
            self._seconds, self._status = seconds, status
            self._set.set()

    def _work(self) -> None:
        self._set.wait()
        time.sleep(self._seconds)
        _log.critical("did not stop in time", seconds=self._seconds)
        os._exit(self._status)


def end_with_any_thread() -> None:
    """From now on, end the process as BROKEN when one of its threads ends with an exception.

    A server without the thread that receives its calls, or that times them, does not recover,
    and does not even drain. Out of memory, any of them may end so.
    """
    threading.excepthook = _on_exception


def _on_exception(ended: threading.ExceptHookArgs) -> None:
    if ended.exc_type is SystemExit:
        return
    try:
        name = ended.thread.name if ended.thread else ""
        exc_info = (ended.exc_type, ended.exc_value, ended.exc_traceback)
        _log.critical("a thread ended: the process ends", thread=name, exc_info=exc_info)
    finally:
        os._exit(BROKEN)
