"""Work beside the thread of a call, which meanwhile passes on what the work tells."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable, Generator
from queue import SimpleQueue
from typing import TypeVar

E = TypeVar("E")
R = TypeVar("R")


def events_of(
    work: Callable[[Callable[[E], None]], R], give_up: Callable[[], None]
) -> Generator[E, None, R]:
    """Yield what `work` tells the function that it is given, and return what it returns.

    It runs in a thread of its own with this thread's context (request id,
    caller), so whoever takes the events slowly does not hold it up; they are
    kept meanwhile, and must be few. Raises what `work` raises. Where the
    generator is closed before its end, `give_up` is called, which should make
    the work end soon: this is waited for, as the call is not over before.
    """
    told: SimpleQueue[E | None] = SimpleQueue()
    results: list[R] = []
    errors: list[BaseException] = []
    context = contextvars.copy_context()
    arguments = (work, told, results, errors)
    thread = threading.Thread(target=context.run, args=(_run, *arguments), name="stream")
    thread.start()
    del work, arguments, context  # with what they hold of the request
    try:
        while (event := told.get()) is not None:
            yield event
    except GeneratorExit:
        give_up()
        raise
    finally:
        thread.join()
        del thread
    if errors:
        # Nothing here may hold on to the error, whose frames hold this one: what the work
        # had in memory would stay until the collector comes by.
        raise errors.pop()
    return results.pop()


def _run(
    work: Callable[[Callable[[E], None]], R],
    told: SimpleQueue[E | None],
    results: list[R],
    errors: list[BaseException],
) -> None:
    try:
        results.append(work(told.put))
    except BaseException as error:  # noqa: BLE001 (raised where the events are taken)
        errors.append(error)
    finally:
        told.put(None)
