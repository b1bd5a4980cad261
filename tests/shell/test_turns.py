"""Turns to read a header: few at a time, in somebody's patience."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from autoquality_core.errors import DeadlinePassed, RequestCancelled
from autoquality_core.runtime.deadline import Deadline
from autoquality_server.admission.semaphore import Turns


def test_never_more_than_so_many_run_at_once_and_all_come_to_their_turn() -> None:
    turns, lock = Turns(2), threading.Lock()
    inside = most = 0

    def visit(_: int) -> None:
        nonlocal inside, most
        with turns.take(Deadline()):
            with lock:
                inside += 1
                most = max(most, inside)
            with lock:
                inside -= 1

    with ThreadPoolExecutor(8) as pool:
        assert len(list(pool.map(visit, range(500)))) == 500
    assert 1 <= most <= 2


def test_a_turn_that_does_not_come_in_time_is_given_up_and_an_error_gives_it_back() -> None:
    turns, gone = Turns(1), Deadline()
    gone.cancel()
    with turns.take(Deadline()), pytest.raises(DeadlinePassed), turns.take(Deadline(0.01)):
        pytest.fail("there was no turn to have")
    for deadline, error in ((gone, RequestCancelled), (Deadline(), ZeroDivisionError)):
        with pytest.raises(error), turns.take(deadline):
            raise ZeroDivisionError
    with turns.take(Deadline(5)):
        pass
