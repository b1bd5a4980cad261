"""Batches form, each caller gets its own answer, and no caller waits for ever."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from autoquality_core.errors import DeadlinePassed, Overloaded, RequestCancelled
from autoquality_core.networks import PredictionFailed
from autoquality_core.runtime.deadline import Deadline
from autoquality_server.inference import batching
from autoquality_server.inference.batching import BatcherClosed
from autoquality_server.telemetry.predictor_metrics import DropReason
from tests.clock import Clock
from tests.inference.fakes import RED, REDS, Bench
from tests.networks import (
    channel_means,
    image_input,
    logits_around,
    mean_graph,
    picky_graph,
    quality_of,
    target_graph,
    write_graph,
)
from tests.waiting import LIMIT, until


def test_waiting_callers_share_one_run_padded_to_the_next_size(red_bench: Bench) -> None:
    first = red_bench.occupy()
    waiting = red_bench.queued(*REDS[2:12:2])
    red_bench.network.gate.set()
    assert [one.result(LIMIT).quality for one in waiting] == list(map(quality_of, REDS[2:12:2]))
    assert first.result(LIMIT).quality == 1
    assert red_bench.network.sizes == [1, 8]
    assert red_bench.events.runs == [(1, 0), (5, 3)]
    assert red_bench.events.waits == 6


def test_every_caller_gets_its_own_answer_from_one_thread(red_bench: Bench) -> None:
    red_bench.network.gate.set()
    reds = [REDS[i * 7 % len(REDS)] for i in range(100)]
    asked = [red_bench.ask(red) for red in reds]
    assert [one.result(LIMIT).quality for one in asked] == [quality_of(red) for red in reds]
    assert len(red_bench.network.threads) == 1
    assert sum(size for size, _ in red_bench.events.runs) == 100


def test_every_image_of_a_batch_has_its_own_target(
    tmp_path: Path, bench_of: Callable[..., Bench]
) -> None:
    bench = bench_of(target_graph(tmp_path / "a.pb", (None,)))
    bench.occupy()
    asked = [bench.ask(0, target) for target in (0.0, 0.25, 0.4, 1.0)]
    until(lambda: bench.length == 4)
    bench.network.gate.set()
    assert [one.result(LIMIT).quality for one in asked] == [1, 26, 41, 100]
    assert bench.events.runs == [(1, 0), (4, 0)]


def test_a_batch_has_at_most_max_batch_size_images(red_bench: Bench) -> None:
    red_bench.occupy()
    waiting = red_bench.queued(*range(0, 200, 20))
    red_bench.network.gate.set()
    for one in waiting:
        one.result(LIMIT)
    assert red_bench.events.runs == [(1, 0), (8, 0), (2, 0)]


def test_a_full_batch_starts_before_its_timeout(
    tmp_path: Path, bench_of: Callable[..., Bench]
) -> None:
    graph = mean_graph(tmp_path / "a.pb", RED)
    bench = bench_of(graph, max_batch_size=2, batch_timeout_micros=3_600_000_000)
    bench.network.gate.set()
    assert [one.result(LIMIT).quality for one in (bench.ask(0), bench.ask(255))] == [1, 100]
    assert bench.events.runs == [(2, 0)]


def test_a_queue_longer_than_a_batch_does_not_wait_for_the_timeout(
    tmp_path: Path, bench_of: Callable[..., Bench]
) -> None:
    graph = mean_graph(tmp_path / "a.pb", RED)
    bench = bench_of(graph, max_batch_size=2, batch_timeout_micros=3_600_000_000)
    first = [bench.ask(0), bench.ask(255)]
    until(lambda: bench.network.sizes)
    second = bench.queued(REDS[1], REDS[2], REDS[3])
    bench.network.gate.set()
    for one in (*first, *second[:2]):
        one.result(LIMIT)
    assert bench.events.runs == [(2, 0), (2, 0)]
    assert not second[2].done()


def test_a_partial_batch_starts_after_its_timeout(
    tmp_path: Path, bench_of: Callable[..., Bench]
) -> None:
    bench = bench_of(mean_graph(tmp_path / "a.pb", RED), batch_timeout_micros=1000)
    bench.network.gate.set()
    assert bench.ask(255).result(LIMIT).quality == 100


def test_a_batch_starts_one_timeout_after_its_first_image(
    tmp_path: Path, bench_of: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Later images neither postpone it nor bring it forward."""
    clock = Clock()
    monkeypatch.setattr(batching, "time", clock)
    graph = mean_graph(tmp_path / "a.pb", RED)
    bench = bench_of(graph, batch_timeout_micros=3_600_000_000)
    bench.network.gate.set()
    waiting = bench.queued(0)
    clock.now += 3599
    waiting += bench.queued(0)
    clock.now += 1
    bench.ask()
    for one in waiting:
        one.result(LIMIT)
    # The last image wakes the batcher, and may come too late for its batch.
    assert bench.events.runs[0] in ((2, 0), (3, 1))


@pytest.mark.parametrize(("seconds", "hint"), [(0.0, 0.05), (1.0, 3.0), (3600.0, 30.0)])
def test_the_retry_hint_is_the_time_to_run_the_queue(
    tmp_path: Path,
    bench_of: Callable[..., Bench],
    monkeypatch: pytest.MonkeyPatch,
    seconds: float,
    hint: float,
) -> None:
    """Two full batches wait and one more is refused: three runs, but 0.05 to 30 seconds."""
    clock = Clock(step=seconds)
    bench = bench_of(mean_graph(tmp_path / "a.pb", RED), max_batch_size=2, max_enqueued_batches=2)
    bench.network.gate.set()
    monkeypatch.setattr(batching, "time", clock)
    bench.ask().result(LIMIT)
    clock.step = 0.0
    bench.network.gate.clear()
    bench.network.sizes.clear()
    bench.occupy()
    waiting = bench.queued(1, 2, 3, 4)
    with pytest.raises(Overloaded) as caught:
        bench.ask().result(LIMIT)
    assert caught.value.retry_seconds == pytest.approx(hint)
    bench.network.gate.set()
    for one in waiting:
        one.result(LIMIT)


def test_an_image_whose_deadline_passes_in_the_queue_is_not_run(red_bench: Bench) -> None:
    red_bench.occupy()
    expired = red_bench.ask(255, deadline=Deadline(0.05))
    with pytest.raises(DeadlinePassed):
        expired.result(LIMIT)
    assert red_bench.length == 0
    (after,) = red_bench.queued(126)
    red_bench.network.gate.set()
    assert after.result(LIMIT).quality == quality_of(126)
    assert red_bench.events.runs == [(1, 0), (1, 0)]
    assert red_bench.events.drops == [DropReason.DEADLINE]


@pytest.mark.parametrize(("left", "longest"), [(0.05, 0.05), (-3.0, 0.0)])
def test_a_caller_waits_until_its_deadline_and_no_negative_time(
    red_bench: Bench, monkeypatch: pytest.MonkeyPatch, left: float, longest: float
) -> None:
    waits: list[float] = []

    class Recorded(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            waits.append(math.inf if timeout is None else timeout)
            return super().wait(timeout)

    red_bench.occupy()
    monkeypatch.setattr(threading, "Event", Recorded)
    with pytest.raises(DeadlinePassed):
        red_bench.predict(255, 0.02, Deadline(left))
    assert waits
    assert 0 <= min(waits) <= max(waits) <= longest


def test_a_cancelled_image_leaves_the_queue_at_once(red_bench: Bench) -> None:
    red_bench.occupy()
    deadline = Deadline()
    cancelled = red_bench.ask(255, deadline=deadline)
    until(lambda: red_bench.length == 1)
    (after,) = red_bench.queued(126)
    deadline.cancel()
    with pytest.raises(RequestCancelled):
        cancelled.result(LIMIT)
    assert red_bench.length == 1
    red_bench.network.gate.set()
    after.result(LIMIT)
    assert red_bench.events.runs == [(1, 0), (1, 0)]
    assert red_bench.events.drops == [DropReason.CANCELLED]


def test_a_caller_leaves_even_while_its_image_is_run(red_bench: Bench) -> None:
    deadline = Deadline()
    running = red_bench.ask(255, deadline=deadline)
    until(lambda: red_bench.network.sizes)
    deadline.cancel()
    with pytest.raises(RequestCancelled):
        running.result(LIMIT)
    red_bench.network.gate.set()
    assert red_bench.ask(126).result(LIMIT).quality == quality_of(126)


def test_a_full_queue_refuses_at_once(tmp_path: Path, bench_of: Callable[..., Bench]) -> None:
    bench = bench_of(mean_graph(tmp_path / "a.pb", RED), max_batch_size=2, max_enqueued_batches=2)
    bench.occupy()
    waiting = bench.queued(1, 2, 3, 4)
    with pytest.raises(Overloaded, match="4 images wait") as caught:
        bench.ask().result(LIMIT)
    assert 0 < caught.value.retry_seconds <= 30
    assert bench.events.drops == [DropReason.QUEUE_FULL]
    bench.network.gate.set()
    for one in waiting:
        one.result(LIMIT)


def test_an_image_that_fails_its_batch_fails_alone(
    tmp_path: Path, bench_of: Callable[..., Bench]
) -> None:
    bench = bench_of(picky_graph(tmp_path / "a.pb"))
    bench.occupy()
    good, bad, fine = bench.queued(18, 255, 201)
    bench.network.gate.set()
    assert (good.result(LIMIT).quality, fine.result(LIMIT).quality) == (
        quality_of(18),
        quality_of(201),
    )
    with pytest.raises(PredictionFailed, match=r"^a\.pb: "):
        bad.result(LIMIT)
    assert bench.ask(36).result(LIMIT).quality == quality_of(36)


def test_an_answer_that_is_not_a_number_is_one_images_failure(
    tmp_path: Path, bench_of: Callable[..., Bench]
) -> None:
    def build(tf: Any) -> None:
        red = channel_means(tf, image_input(tf))[:, 0]
        logits_around(tf, red / tf.cast(red < 0.9, tf.float32))

    bench = bench_of(write_graph(tmp_path / "a.pb", build))
    bench.occupy()
    good, bad = bench.queued(18, 255)
    bench.network.gate.set()
    assert good.result(LIMIT).quality == quality_of(18)
    with pytest.raises(PredictionFailed, match="not finite"):
        bad.result(LIMIT)
    assert bench.events.runs == [(1, 0), (2, 0)]


def test_the_thread_survives_any_error_of_a_library(red_bench: Bench) -> None:
    red_bench.network.gate.set()
    red_bench.network.error = ValueError("from the library")
    with pytest.raises(PredictionFailed, match="ValueError: from the library"):
        red_bench.ask().result(LIMIT)
    red_bench.network.error = None
    assert red_bench.ask(255).result(LIMIT).quality == 100


def test_closing_answers_the_queued_images(red_bench: Bench) -> None:
    red_bench.occupy()
    (waiting,) = red_bench.queued(255)
    red_bench.batcher.close()
    with pytest.raises(BatcherClosed):
        red_bench.ask().result(LIMIT)
    red_bench.network.gate.set()
    assert waiting.result(LIMIT).quality == 100
    assert red_bench.network.closed.wait(LIMIT)
