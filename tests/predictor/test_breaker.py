"""What fails again and again is left alone, and tried again."""

from __future__ import annotations

import time

from autoquality_server.inference.breaker import Breaker, Pass, Verdict


def fail(breaker: Breaker, times: int) -> list[bool]:
    return [breaker.report(Pass.FREE, Verdict.FAILED) for _ in range(times)]


def trial(breaker: Breaker) -> Pass:
    """The pass of the one that is let through once the back-off is over."""
    while (held := breaker.ask()) is None:
        time.sleep(0.002)
    return held


def test_failures_in_a_row_open_it_and_that_is_told_once() -> None:
    breaker = Breaker(3, 60)
    assert fail(breaker, 4) == [False, False, True, False]
    assert not breaker.closed and breaker.ask() is None


def test_a_success_in_between_starts_the_count_anew() -> None:
    breaker = Breaker(3, 60)
    for _ in range(5):
        fail(breaker, 2)
        breaker.report(Pass.FREE, Verdict.WORKED)
    assert breaker.closed and breaker.ask() is Pass.FREE


def test_what_came_to_no_end_counts_neither_way() -> None:
    breaker = Breaker(2, 60)
    fail(breaker, 1)
    breaker.report(Pass.FREE, Verdict.UNKNOWN)
    assert fail(breaker, 1) == [True]


def test_after_the_back_off_one_is_let_through_and_closes_it() -> None:
    breaker = Breaker(1, 0.01)
    fail(breaker, 1)
    assert trial(breaker) is Pass.TRIAL
    assert breaker.ask() is None
    assert breaker.report(Pass.TRIAL, Verdict.WORKED)
    assert breaker.closed and breaker.ask() is Pass.FREE


def test_a_trial_that_fails_keeps_it_open_for_twice_as_long() -> None:
    breaker = Breaker(1, 0.01)
    fail(breaker, 1)
    for _ in range(3):
        assert not breaker.report(trial(breaker), Verdict.FAILED)
    assert not breaker.closed
    assert breaker._backoff == 0.08


def test_a_trial_that_came_to_no_end_leaves_room_for_the_next() -> None:
    breaker = Breaker(1, 0.01)
    fail(breaker, 1)
    breaker.report(trial(breaker), Verdict.UNKNOWN)
    assert breaker.ask() is Pass.TRIAL


def test_late_failures_of_others_do_not_end_a_trial() -> None:
    breaker = Breaker(1, 0.01)
    fail(breaker, 1)
    trial(breaker)
    fail(breaker, 3)
    assert breaker.ask() is None


def test_with_a_limit_of_0_it_never_opens() -> None:
    breaker = Breaker(0, 60)
    fail(breaker, 1000)
    assert breaker.closed


def test_a_reset_closes_it() -> None:
    breaker = Breaker(1, 60)
    fail(breaker, 1)
    breaker.reset()
    assert breaker.closed and breaker.ask() is Pass.FREE
