"""Work beside the thread of a call, which meanwhile passes on what the work tells."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable, Generator
from concurrent.futures import Future
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
    outcome: Future[R] = Future()

    def run() -> None:
        try:
            outcome.set_result(work(told.put))
        except BaseException as error:  # noqa: BLE001 (raised where the events are taken)
            outcome.set_exception(error)
        finally:
            told.put(None)

    context = contextvars.copy_context()
    thread = threading.Thread(target=context.run, args=(run,), name="stream")
    thread.start()
    try:
        while (event := told.get()) is not None:
            yield event
    except GeneratorExit:
        give_up()
        raise
    finally:
        thread.join()
    return outcome.result()
