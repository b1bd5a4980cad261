"""The context of a request: steps are measured once, and everyone hears the same."""

from __future__ import annotations

import contextvars
import gc
import threading
import weakref
from collections.abc import Generator

import pytest

from autoquality_core.errors import DeadlinePassed
from autoquality_core.runtime.context import (
    Context,
    Observer,
    Step,
    active_context,
    context_for,
    report,
    run_both,
    set_attributes,
    step,
)
from autoquality_core.runtime.deadline import Deadline
from autoquality_core.types import Progress, Stage, Timings
from tests.waiting import LIMIT


class Recorder(Observer):
    """Records its observations."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str]] = []
        self.steps: dict[str, Step] = {}
        self.errors: dict[str, BaseException | None] = {}

    def started(self, step: Step) -> None:
        self.seen.append(("started", step.name))

    def finished(self, step: Step, error: BaseException | None) -> None:
        self.seen.append(("finished", step.name))
        self.steps[step.name] = step
        self.errors[step.name] = error

    def progressed(self, progress: Progress) -> None:
        self.seen.append(("progressed", progress.stage.value))


def test_outside_of_a_request_a_step_only_measures() -> None:
    with step("decode", pixels=1) as decoding:
        set_attributes(frames=2)
        report(Stage.QUEUED)
    assert decoding.seconds > 0
    assert decoding.attributes == {"pixels": 1}
    assert active_context() is None


def test_observers_see_steps_and_stages_in_order() -> None:
    recorder = Recorder()
    with Context(None, recorder).active(), step("probe", quality=80):
        with step("encode"):
            report(Stage.PROBED)
        set_attributes(size_bytes=7)
    assert recorder.seen == [
        ("started", "probe"),
        ("started", "encode"),
        ("progressed", "probed"),
        ("finished", "encode"),
        ("finished", "probe"),
    ]
    probe, encode = recorder.steps["probe"], recorder.steps["encode"]
    assert encode.parent is probe
    assert probe.parent is None
    assert probe.attributes == {"quality": 80, "size_bytes": 7}
    assert encode.attributes == {}
    assert 0 < encode.seconds < probe.seconds


def test_timings_are_the_seconds_of_the_steps() -> None:
    context = Context()
    with context.active():
        with step("open") as opening:
            pass
        with step("decode") as decoding:
            pass
        with pytest.raises(DeadlinePassed), step("predict") as predicting:
            raise DeadlinePassed
        with step("answer"):
            pass
    assert context.timings == Timings(
        decode=opening.seconds + decoding.seconds, predict=predicting.seconds
    )


def test_a_step_that_raises_is_finished_with_its_error() -> None:
    recorder = Recorder()
    with Context(None, recorder).active():
        with pytest.raises(DeadlinePassed) as caught, step("decode"):
            raise DeadlinePassed
        with step("answer"):
            pass
    assert recorder.errors == {"decode": caught.value, "answer": None}


def test_of_two_at_the_same_time_the_slower_one_counts() -> None:
    context, recorder = Context(), Recorder()
    context.observers += (recorder,)
    both = threading.Barrier(2)

    def work(*names: str) -> list[float]:
        assert active_context() is context
        both.wait(LIMIT)
        steps = [step(name) for name in names]
        for one in steps:
            with one:
                pass
        return [one.seconds for one in steps]

    with context.active(), step("probe") as outer:
        first, second = run_both(lambda: work("encode"), lambda: work("encode", "measure"))
        assert active_context() is context
    slower = max([*first, 0.0], second, key=sum)
    assert (context.timings.encode, context.timings.measure) == (slower[0], slower[1])
    assert recorder.steps["measure"].parent is outer


def test_both_may_run_outside_of_a_request() -> None:
    assert run_both(lambda: 1, lambda: 2) == (1, 2)


def test_a_new_context_ends_with_the_body_and_an_active_one_stays() -> None:
    deadline = Deadline()
    with context_for(deadline) as context:
        assert context.deadline is deadline
        with context_for(Deadline()) as again:
            assert again is context
        assert active_context() is context
    assert active_context() is None


def test_a_generator_closed_elsewhere_leaves_that_context_alone() -> None:
    """A stream may be closed by a thread that did not start it."""

    def stream() -> Generator[int, None, None]:
        with Context().active(), step("receive"):
            yield 1

    begun = stream()
    contextvars.copy_context().run(next, begun)
    own = Context()
    with own.active(), step("decode"):
        begun.close()
        assert active_context() is own
        set_attributes(pixels=1)


def test_a_finished_request_needs_no_garbage_collection() -> None:
    """For gRPC a call's stream is open for as long as its context lives."""
    context = Context(None, Recorder())
    alive = weakref.ref(context)
    gc.disable()
    try:
        with context.active(), pytest.raises(DeadlinePassed), step("outer"), step("inner"):
            raise DeadlinePassed
        with context.active():
            run_both(lambda: None, lambda: None)
        del context
        assert alive() is None
    finally:
        gc.enable()
