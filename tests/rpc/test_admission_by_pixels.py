"""Admission by cost: a bound on pixels, and nobody waits for ever."""

from __future__ import annotations

import pytest

from autoquality_core.errors import Overloaded, RequestCancelled
from autoquality_core.runtime.deadline import Deadline
from autoquality_server.admission import Admission
from tests.clock import Clock
from tests.rpc.test_admission import Holder, holding, waiting
from tests.waiting import until, wait_for

MP = 1_000_000


def asking(admission: Admission, pixels: int, deadline: Deadline | None = None) -> Holder:
    """A request that runs or waits."""

    def places() -> int:
        with admission._lock:  # a request that is admitted is neither for a moment
            return admission.running + admission.queued

    before = places()
    holder = Holder(admission, deadline, pixels)
    until(lambda: places() == before + 1)
    return holder


def in_turn(admission: Admission, pixels: int) -> None:
    """A request that runs at once and is over."""
    with admission.admit(Deadline(), pixels):
        pass


def test_what_runs_never_has_more_pixels_than_there_may_be() -> None:
    admission = Admission(workers=4, queue_size=4, pixels=10 * MP)
    first, second = asking(admission, 6 * MP), asking(admission, 4 * MP)
    third = asking(admission, 5 * MP)
    assert (admission.running, admission.queued, admission.pixels) == (2, 1, 10 * MP)
    second.end()
    assert (admission.running, admission.queued, admission.pixels) == (1, 1, 6 * MP)
    first.end()
    wait_for(third.admitted)
    assert (admission.running, admission.pixels) == (1, 5 * MP)
    third.end()
    assert (admission.running, admission.pixels) == (0, 0)


def test_a_request_larger_than_the_bound_runs_alone() -> None:
    admission = Admission(workers=4, queue_size=4, pixels=10 * MP)
    small = asking(admission, MP)
    huge = asking(admission, 25 * MP)
    assert not huge.admitted.is_set()
    small.end()
    wait_for(huge.admitted)
    following = asking(admission, MP)
    assert not following.admitted.is_set()
    huge.end()
    wait_for(following.admitted)
    following.end()


def test_small_requests_do_not_wait_behind_a_large_one_that_does_not_fit() -> None:
    admission = Admission(workers=4, queue_size=4, pixels=10 * MP)
    running = asking(admission, 6 * MP)
    large = asking(admission, 8 * MP)
    small = asking(admission, MP)
    wait_for(small.admitted)
    assert not large.admitted.is_set()
    small.end()
    running.end()
    wait_for(large.admitted)
    large.end()


def test_a_large_request_is_overtaken_16_times_at_most() -> None:
    admission = Admission(workers=4, queue_size=4, pixels=10 * MP)
    running = asking(admission, 6 * MP)
    large = asking(admission, 8 * MP)
    for _ in range(16):
        in_turn(admission, MP)
    late = asking(admission, MP)
    assert not late.admitted.is_set()
    running.end()
    wait_for(large.admitted)
    wait_for(late.admitted)
    large.end()
    late.end()


def test_those_of_one_size_keep_their_order() -> None:
    admission = Admission(workers=4, queue_size=8, pixels=10 * MP)
    running = asking(admission, 10 * MP)
    waiting = [asking(admission, 10 * MP) for _ in range(4)]
    for following in waiting:
        running.end()
        wait_for(following.admitted)
        running = following
    running.end()


def test_whoever_was_kept_back_goes_when_the_one_before_gives_up() -> None:
    admission = Admission(workers=4, queue_size=4, pixels=10 * MP)
    running = asking(admission, 6 * MP)
    deadline = Deadline()
    large = asking(admission, 8 * MP, deadline)
    for _ in range(16):
        in_turn(admission, MP)
    late = asking(admission, MP)
    deadline.cancel()
    with pytest.raises(RequestCancelled):
        large.ended()
    wait_for(late.admitted)
    late.end()
    running.end()


def test_the_hint_is_the_time_of_the_pixels_ahead_and_of_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = Clock()
    monkeypatch.setattr("autoquality_server.admission.time", clock)
    admission = Admission(workers=1, queue_size=1)
    with admission.admit(Deadline(), 10 * MP):
        clock.now += 2
    running, queued = asking(admission, 10 * MP), asking(admission, 20 * MP)
    with pytest.raises(Overloaded, match=r"try again in 10\.00 s") as caught:
        Holder(admission, None, 30 * MP).ended()
    assert caught.value.retry_seconds == 10
    running.end()
    queued.end()


def test_the_smallest_request_counts_as_65536_pixels() -> None:
    admission = Admission(workers=4, queue_size=1, pixels=2**17)
    small = [asking(admission, pixels) for pixels in (0, 2**16)]
    assert (admission.running, admission.pixels) == (2, 2**17)
    third = asking(admission, 1)
    assert not third.admitted.is_set()
    for holder in (*small, third):
        holder.end()
    assert admission.pixels == 0


def test_a_second_worker_needs_a_free_worker_and_room_for_its_pixels() -> None:
    admission = Admission(workers=3, queue_size=0, pixels=10 * MP)
    running = asking(admission, 6 * MP)
    with admission.second_worker(4 * MP + 1) as held:
        assert not held
    with admission.second_worker(4 * MP) as held:
        assert held
        assert (admission.running, admission.pixels) == (1, 10 * MP)
        with admission.second_worker(0) as another:
            assert not another
    assert (admission.running, admission.pixels) == (1, 6 * MP)
    with admission.second_worker(0) as held, admission.second_worker(0) as another:
        assert held and another
        assert (admission.running, admission.pixels) == (1, 6 * MP + 2 * 2**16)
        with admission.second_worker(0) as one_more:
            assert not one_more
    running.end()


def test_a_request_waits_for_a_second_worker_although_the_queue_is_full() -> None:
    admission = Admission(workers=2, queue_size=0)
    first = holding(admission)
    with admission.second_worker(MP) as held:
        assert held
        second = waiting(admission)
        with pytest.raises(Overloaded):
            Holder(admission).ended()
    wait_for(second.admitted)
    with pytest.raises(Overloaded):
        Holder(admission).ended()
    first.end()
    second.end()


def test_time_with_a_second_worker_counts_as_full(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr("autoquality_server.admission.time", clock)
    admission = Admission(workers=2, queue_size=0)
    running = asking(admission, MP)
    clock.now += 100
    with admission.second_worker(MP):
        clock.now += 3
        running.end()
    first, second = holding(admission), holding(admission)
    with pytest.raises(Overloaded) as caught:
        Holder(admission, None, MP).ended()
    assert caught.value.retry_seconds == pytest.approx(3)
    first.end()
    second.end()


def test_a_second_worker_does_not_overtake_a_large_request_that_waits_for_pixels() -> None:
    admission = Admission(workers=4, queue_size=4, pixels=10 * MP)
    running = asking(admission, 6 * MP)
    with admission.second_worker(MP) as held:
        assert held
    large = asking(admission, 8 * MP)
    with admission.second_worker(MP) as held:
        assert not held
    assert (admission.running, admission.pixels) == (1, 6 * MP)
    running.end()
    large.admitted.wait(10)
    large.end()
