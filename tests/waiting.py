"""Waiting with a limit, so that a test whose event never comes fails and says what it waited for."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

LIMIT = 30.0
"""Seconds after which what a test waits for no longer comes, even on a busy machine."""

_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.001, 0.05


def until(holds: Callable[[], object], *, within: float = LIMIT, reason: str = "") -> None:
    """Wait until `holds` returns something true, in another thread or process.

    Raises AssertionError with `reason` and the last value after `within` seconds.
    """
    __tracebackhide__ = True
    end = time.monotonic() + within
    pause = _SHORTEST_PAUSE
    while not (value := holds()):
        if time.monotonic() > end:
            raise AssertionError(f"{reason or 'it'}: still {value!r} after {within:g} s")
        time.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE)


def wait_for(event: threading.Event, reason: str = "", *, within: float = LIMIT) -> None:
    """Wait until `event` is set. Raises AssertionError with `reason` after `within` seconds."""
    __tracebackhide__ = True
    if not event.wait(within):
        raise AssertionError(f"{reason or 'the event'}: not set after {within:g} s")


def join(thread: threading.Thread, *, within: float = LIMIT) -> None:
    """Wait until `thread` has ended. Raises AssertionError after `within` seconds."""
    __tracebackhide__ = True
    thread.join(within)
    if thread.is_alive():
        raise AssertionError(f"thread {thread.name} still runs after {within:g} s")
