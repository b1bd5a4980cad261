"""A semaphore whose waiters have deadlines."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from autoquality_core.errors import DeadlinePassed, RequestCancelled
from autoquality_core.runtime.deadline import Deadline
from autoquality_server.admission import DeadlineSemaphore


def test_no_more_than_the_limit_run_at_once_and_all_run() -> None:
    semaphore, lock = DeadlineSemaphore(2), threading.Lock()
    inside = most = 0

    def visit(_: int) -> None:
        nonlocal inside, most
        with semaphore.acquire(Deadline()):
            with lock:
                inside += 1
                most = max(most, inside)
            with lock:
                inside -= 1

    with ThreadPoolExecutor(8) as pool:
        assert len(list(pool.map(visit, range(500)))) == 500
    assert 1 <= most <= 2


def test_a_waiter_gives_up_at_its_deadline_and_an_error_frees_the_slot() -> None:
    semaphore, gone = DeadlineSemaphore(1), Deadline()
    gone.cancel()
    with (
        semaphore.acquire(Deadline()),
        pytest.raises(DeadlinePassed),
        semaphore.acquire(Deadline(0.01)),
    ):
        pytest.fail("there was no turn to have")
    for deadline, error in ((gone, RequestCancelled), (Deadline(), ZeroDivisionError)):
        with pytest.raises(error), semaphore.acquire(deadline):
            raise ZeroDivisionError
    with semaphore.acquire(Deadline(5)):
        pass


def test_a_deadline_that_has_passed_waits_no_time(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float | None] = []
    acquire = threading.BoundedSemaphore.acquire

    def recorded(
        self: threading.BoundedSemaphore, blocking: bool = True, timeout: float | None = None
    ) -> bool:
        waits.append(timeout)
        return acquire(self, blocking, timeout)

    monkeypatch.setattr(threading.BoundedSemaphore, "acquire", recorded)
    with pytest.raises(DeadlinePassed), DeadlineSemaphore(1).acquire(Deadline(-3)):
        pytest.fail("it was acquired")
    assert waits == [0.0]
