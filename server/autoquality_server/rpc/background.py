"""Runs work in a thread of its own, and yields its events meanwhile."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable, Generator
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
    results: list[R] = []
    errors: list[BaseException] = []
    context = contextvars.copy_context()
    arguments = (work, events, results, errors)
    thread = threading.Thread(target=context.run, args=(_run, *arguments), name="stream")
    thread.start()
    del work, arguments, context  # and with them the request that they refer to
    try:
        while (event := events.get()) is not None:
            yield event
    except GeneratorExit:
        cancel()
        raise
    finally:
        thread.join()
        del thread
    if errors:
        # Keep no reference: the error's frames refer to this one, and such a cycle would keep
        # the memory of the work until the next garbage collection.
        raise errors.pop()
    return results.pop()


def _run(
    work: Callable[[Callable[[E], None]], R],
    events: SimpleQueue[E | None],
    results: list[R],
    errors: list[BaseException],
) -> None:
    try:
        results.append(work(events.put))
    except BaseException as error:  # noqa: BLE001 (raised in the thread of the consumer)
        errors.append(error)
    finally:
        events.put(None)
