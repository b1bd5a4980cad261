"""Waiting with a limit: a test whose event never comes fails and says what it waited for."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

T = TypeVar("T")

LIMIT = 30.0
"""Seconds that a test waits for one event; enough on a busy machine."""
GATE_LIMIT = 4 * LIMIT
"""Seconds that something waits for a test: longer than all that the test itself waits for."""

_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.001, 0.05


def until(holds: Callable[[], object], *, within: float = LIMIT, reason: str = "") -> None:
    """Wait until `holds` returns something true; other threads and processes change it.

    Raises AssertionError with `reason` and the last value after `within` seconds.
    """
    __tracebackhide__ = True
    end = time.monotonic() + within
    pause = _SHORTEST_PAUSE
    while not (value := holds()):
        if time.monotonic() > end:
            raise AssertionError(f"{reason or 'the condition'}: still {value!r} after {within:g} s")
        time.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE)


def wait_for(event: threading.Event, reason: str = "", *, within: float = LIMIT) -> None:
    """Wait until `event` is set. Raises AssertionError with `reason` after `within` seconds."""
    __tracebackhide__ = True
    if not event.wait(within):
        raise AssertionError(f"{reason or 'the event'}: not set after {within:g} s")


def in_background(call: Callable[..., T], *arguments: Any, **options: Any) -> Future[T]:
    """Call on a thread of its own. A failing test does not wait for it.

    The `with` block of a ThreadPoolExecutor does, without a limit.
    """
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(call(*arguments, **options))
        except BaseException as error:  # noqa: BLE001 - the caller of `result` gets it
            future.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return future
