"""Runs work in a thread of its own, and yields its events meanwhile."""

from __future__ import annotations

import contextvars
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue
from typing import TypeVar

E = TypeVar("E")
R = TypeVar("R")


def background_events(
    work: Callable[[Callable[[E], None]], R], cancel: Callable[[], None]
) -> Generator[E, None, R]:
    """Run `work(emit)` in a thread, yield the events that it emits, return its result.

    The thread has the context of this one. A consumer that is slow does not delay the work; the
    events wait in memory, so they must be few. Raises what `work` raises. If the generator is
    closed early, it calls `cancel`, which should end the work soon, and waits for its end.
    """
    events: SimpleQueue[E | None] = SimpleQueue()
    with ThreadPoolExecutor(1, "stream") as pool:  # waits for its thread at the end
        future = pool.submit(contextvars.copy_context().run, work, events.put)
        future.add_done_callback(lambda _: events.put(None))
        del work  # and with it the request
        try:
            while (event := events.get()) is not None:
                yield event
        except GeneratorExit:
            cancel()
            raise
    try:
        return future.result()
    finally:
        # An error refers to this frame. A reference back to it would keep the memory of the
        # work until the next garbage collection.
        del future
