"""The guard around the work of requests."""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from autoquality_core.errors import DeadlinePassed, Overloaded, RequestCancelled
from autoquality_core.runtime import context
from autoquality_core.runtime.context import Context
from autoquality_core.runtime.deadline import Deadline
from autoquality_server.admission import Admission
from tests.clock import Clock
from tests.waiting import GATE_LIMIT, LIMIT, until, wait_for


class Holder:
    """A thread that asks for a worker, and holds it until it is let go."""

    def __init__(
        self, admission: Admission, deadline: Deadline | None = None, pixels: int = 0
    ) -> None:
        self.deadline = deadline or Deadline()
        self.admitted = threading.Event()
        self.let_go = threading.Event()
        self.waited = -1.0
        self._result: Future[None] = Future()
        self._admission = admission
        self._pixels = pixels
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        try:
            own = Context(self.deadline)
            with own.active(), self._admission.admit(self.deadline, self._pixels):
                self.waited = own.timings.queue
                self.admitted.set()
                wait_for(self.let_go, within=GATE_LIMIT)
            self._result.set_result(None)
        except Exception as error:  # noqa: BLE001 - handed to the test
            self._result.set_exception(error)

    def end(self) -> None:
        """Let go and wait until it has; raises what its request raised."""
        self.let_go.set()
        self.ended()

    def ended(self) -> None:
        self._result.result(LIMIT)


def holding(admission: Admission) -> Holder:
    holder = Holder(admission)
    wait_for(holder.admitted)
    return holder


def waiting(admission: Admission, deadline: Deadline | None = None) -> Holder:
    before = admission.queued
    holder = Holder(admission, deadline)
    until(lambda: admission.queued == before + 1)
    return holder


def test_as_many_run_as_there_are_workers() -> None:
    admission = Admission(workers=2, queue_size=1)
    holders = [holding(admission), holding(admission)]
    assert (admission.running, admission.queued) == (2, 0)
    third = waiting(admission)
    assert (admission.running, admission.queued) == (2, 1)
    holders[0].end()
    wait_for(third.admitted)
    assert (admission.running, admission.queued) == (2, 0)
    holders[1].end()
    third.end()
    assert (admission.running, admission.queued) == (0, 0)


def test_the_seconds_in_the_queue_are_logged(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(context, "clock", lambda: now)
    admission = Admission(workers=1, queue_size=1)
    first = holding(admission)
    second = waiting(admission)
    now += 2
    first.end()
    wait_for(second.admitted)
    assert (first.waited, second.waited) == (0, 2)
    second.end()


def test_the_queue_is_first_in_first_out() -> None:
    admission = Admission(workers=1, queue_size=5)
    running = holding(admission)
    queue = [waiting(admission) for _ in range(5)]
    for following in queue:
        running.end()
        wait_for(following.admitted)
        assert [holder.admitted.is_set() for holder in queue].count(True) == (
            queue.index(following) + 1
        )
        running = following
    running.end()


def test_beyond_the_queue_requests_are_refused_at_once() -> None:
    admission = Admission(workers=1, queue_size=1)
    first, second = holding(admission), waiting(admission)
    with pytest.raises(Overloaded, match="1 requests run and 1 wait"):
        Holder(admission).ended()
    assert (admission.running, admission.queued) == (1, 1)
    first.end()
    second.end()


def test_without_a_queue_no_request_waits() -> None:
    admission = Admission(workers=1, queue_size=0)
    first = holding(admission)
    with pytest.raises(Overloaded):
        Holder(admission).ended()
    first.end()
    holding(admission).end()


def test_cancellation_while_waiting_frees_the_place() -> None:
    admission = Admission(workers=1, queue_size=2)
    first = holding(admission)
    second, third = waiting(admission), waiting(admission)
    second.deadline.cancel()
    with pytest.raises(RequestCancelled):
        second.ended()
    assert admission.queued == 1
    first.end()
    wait_for(third.admitted)
    third.end()
    assert (admission.running, admission.queued) == (0, 0)


def test_a_deadline_that_passes_while_waiting_frees_the_place() -> None:
    admission = Admission(workers=1, queue_size=1)
    first = holding(admission)
    with pytest.raises(DeadlinePassed):
        Holder(admission, Deadline(0.01)).ended()
    assert (admission.running, admission.queued) == (1, 0)
    first.end()


def test_a_request_that_is_over_already_takes_no_place() -> None:
    admission = Admission(workers=1, queue_size=1)
    gone = Deadline()
    gone.cancel()
    for deadline, error in ((gone, RequestCancelled), (Deadline(-1), DeadlinePassed)):
        with pytest.raises(error), admission.admit(deadline):
            pytest.fail("it was admitted")
    assert admission.running == 0


def test_a_request_cancelled_just_as_its_turn_comes_gives_the_worker_back() -> None:
    """The cancellation itself ends the request ahead, so that both arrive together."""
    admission = Admission(workers=1, queue_size=1)
    first = holding(admission)
    deadline = Deadline()
    deadline.on_cancel(first.end)
    second = waiting(admission, deadline)
    deadline.cancel()
    with pytest.raises(RequestCancelled):
        second.ended()
    assert not second.admitted.is_set()
    assert (admission.running, admission.queued) == (0, 0)


def test_an_exception_in_the_body_frees_the_worker() -> None:
    admission = Admission(workers=1, queue_size=0)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError), admission.admit(Deadline()):
            raise ZeroDivisionError
    assert admission.running == 0


def test_the_advice_grows_with_the_work_ahead_and_stays_within_its_bounds() -> None:
    def advice(workers: int, queue_size: int) -> float:
        admission = Admission(workers, queue_size)
        holders = [holding(admission) for _ in range(workers)]
        holders += [waiting(admission) for _ in range(queue_size)]
        with pytest.raises(Overloaded) as caught:
            Holder(admission).ended()
        for holder in holders:
            holder.end()
        return caught.value.retry_seconds

    short, long, parallel = advice(1, 0), advice(1, 8), advice(4, 8)
    assert 0.05 <= short < parallel < long <= 30


def test_the_advice_follows_how_long_requests_take(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("autoquality_server.admission.time", clock := Clock())
    admission = Admission(workers=1, queue_size=0)

    def advice() -> float:
        first = holding(admission)
        with pytest.raises(Overloaded) as caught:
            Holder(admission).ended()
        first.end()
        return caught.value.retry_seconds

    assert advice() == 0.5
    for seconds, hint in ((0, 0.05), (3600, 30)):
        for _ in range(30):
            with admission.admit(Deadline()):
                clock.now += seconds
        assert advice() == hint


def test_no_wake_up_is_lost_under_load() -> None:
    """Everybody who comes is admitted, times out or is refused; never two too many run."""
    admission = Admission(workers=3, queue_size=6)
    lock = threading.Lock()
    inside = most = 0
    outcomes = {"done": 0, "refused": 0, "late": 0}

    def visit(number: int) -> str:
        nonlocal inside, most
        try:
            with admission.admit(Deadline(0.002 if number % 5 == 0 else None)):
                with lock:
                    inside += 1
                    most = max(most, inside)
                time.sleep(0.0005)
                with lock:
                    inside -= 1
            return "done"
        except Overloaded:
            return "refused"
        except DeadlinePassed:
            return "late"

    with ThreadPoolExecutor(12) as pool:
        for outcome in pool.map(visit, range(1500)):
            outcomes[outcome] += 1
    assert sum(outcomes.values()) == 1500
    assert outcomes["done"] > 0
    assert most <= 3
    assert (admission.running, admission.queued) == (0, 0)


class PassesOnceChecked(Deadline):
    """A deadline that passes right after the first look at it."""

    looks = 0

    def remaining(self) -> float:
        self.looks += 1
        return 1.0 if self.looks == 1 else -3.0


def test_nobody_waits_beyond_a_deadline_nor_a_negative_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    waits: list[float | None] = []

    class Recorded(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            waits.append(timeout)
            return super().wait(timeout)

    admission = Admission(workers=1, queue_size=1)
    with admission.admit(Deadline()):
        monkeypatch.setattr(threading, "Event", Recorded)
        with pytest.raises(DeadlinePassed), admission.admit(PassesOnceChecked()):
            pytest.fail("it was admitted")
    assert waits == [0.0]
