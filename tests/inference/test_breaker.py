"""The circuit opens after repeated failures and closes after a trial that succeeds."""

from __future__ import annotations

import pytest

from autoquality_server.inference import breaker
from autoquality_server.inference.breaker import CircuitBreaker, Permit, Result
from tests.clock import Clock


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(breaker, "time", made)
    return made


def fail(circuit: CircuitBreaker, times: int) -> list[bool]:
    return [circuit.report(Permit.CALL, Result.FAILURE) for _ in range(times)]


def opened(limit: int = 1, backoff: float = 10) -> CircuitBreaker:
    circuit = CircuitBreaker(limit, backoff)
    fail(circuit, limit)
    return circuit


def test_failures_in_a_row_open_the_circuit_once() -> None:
    """The third of three failures opens it; a late fourth changes nothing."""
    circuit = CircuitBreaker(3, 60)
    assert fail(circuit, 4) == [False, False, True, False]
    assert not circuit.is_closed
    assert circuit.acquire() is None


def test_a_success_restarts_the_count() -> None:
    """Two failures in a row never open a circuit with a limit of three."""
    circuit = CircuitBreaker(3, 60)
    for _ in range(5):
        fail(circuit, 2)
        circuit.report(Permit.CALL, Result.SUCCESS)
    assert circuit.is_closed
    assert circuit.acquire() is Permit.CALL


def test_an_unknown_result_does_not_count() -> None:
    """A caller that left is neither a success nor a failure."""
    circuit = CircuitBreaker(2, 60)
    fail(circuit, 1)
    circuit.report(Permit.CALL, Result.UNKNOWN)
    assert fail(circuit, 1) == [True]


def test_one_trial_is_permitted_after_the_backoff(clock: Clock) -> None:
    """Not a moment before, and no second one while it runs."""
    circuit = opened(backoff=10)
    clock.now += 9.9
    assert circuit.acquire() is None
    clock.now += 0.1
    assert circuit.acquire() is Permit.TRIAL
    assert circuit.acquire() is None


def test_a_successful_trial_closes_the_circuit(clock: Clock) -> None:
    """Calls are permitted again at once."""
    circuit = opened(backoff=10)
    clock.now += 10
    circuit.acquire()
    assert circuit.report(Permit.TRIAL, Result.SUCCESS)
    assert circuit.is_closed
    assert circuit.acquire() is Permit.CALL


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_after_a_success_exactly_the_limit_of_failures_opens_it(clock: Clock, limit: int) -> None:
    """Earlier failures are forgotten, whether the success was a call or a trial."""
    circuit = opened(limit, backoff=10)
    clock.now += 10
    circuit.acquire()
    circuit.report(Permit.TRIAL, Result.SUCCESS)
    assert fail(circuit, limit) == [False] * (limit - 1) + [True]


def test_a_failed_trial_doubles_the_backoff(clock: Clock) -> None:
    """Each wait is twice as long, but no longer than 5 minutes."""
    circuit = opened(backoff=100)
    for backoff in (100, 200, 300, 300):
        clock.now += backoff - 0.1
        assert circuit.acquire() is None
        clock.now += 0.1
        assert circuit.acquire() is Permit.TRIAL
        assert not circuit.report(Permit.TRIAL, Result.FAILURE)
    assert not circuit.is_closed


def test_a_late_trial_that_fails_does_not_permit_the_next_at_once(clock: Clock) -> None:
    """The new backoff starts when the trial fails, not when the circuit opened."""
    circuit = opened(backoff=10)
    clock.now += 1000
    assert circuit.acquire() is Permit.TRIAL
    clock.now += 1000
    circuit.report(Permit.TRIAL, Result.FAILURE)
    assert circuit.acquire() is None
    clock.now += 19.9
    assert circuit.acquire() is None
    clock.now += 0.1
    assert circuit.acquire() is Permit.TRIAL


def test_the_backoff_starts_over_after_a_success(clock: Clock) -> None:
    """A circuit that closed waits for the first backoff when it opens again."""
    circuit = opened(backoff=10)
    for result in (Result.FAILURE, Result.SUCCESS):
        clock.now += 20
        circuit.acquire()
        circuit.report(Permit.TRIAL, result)
    fail(circuit, 1)
    clock.now += 10
    assert circuit.acquire() is Permit.TRIAL


def test_a_trial_of_unknown_result_permits_another(clock: Clock) -> None:
    """Its caller left before there was a result."""
    circuit = opened(backoff=10)
    clock.now += 10
    circuit.acquire()
    circuit.report(Permit.TRIAL, Result.UNKNOWN)
    assert circuit.acquire() is Permit.TRIAL


def test_late_failures_of_other_calls_do_not_end_a_trial(clock: Clock) -> None:
    """Calls that were permitted before the circuit opened may fail during the trial."""
    circuit = opened(backoff=10)
    clock.now += 10
    circuit.acquire()
    fail(circuit, 3)
    assert circuit.acquire() is None


def test_a_limit_of_0_never_opens_it() -> None:
    """The operator has switched the breaker off."""
    circuit = CircuitBreaker(0, 60)
    fail(circuit, 1000)
    assert circuit.is_closed


def test_a_reset_closes_it() -> None:
    """A new network starts without the failures of the old one."""
    circuit = opened(2, 60)
    circuit.reset()
    assert circuit.acquire() is Permit.CALL
    assert fail(circuit, 2) == [False, True]
