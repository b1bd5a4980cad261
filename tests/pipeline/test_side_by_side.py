"""Real encodings made at the same time, while a core is idle."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from autoquality_server.admission import Admission
from autoquality_server.codecs import CODECS
from autoquality_server.deadline import Deadline
from autoquality_server.defaults import Defaults
from autoquality_server.domain import (
    EncodeJob,
    EncodeResult,
    EncoderOptions,
    Format,
    Method,
    Probe,
    Timings,
    Wish,
)
from autoquality_server.errors import Overloaded, RequestCancelled
from autoquality_server.image import ImageLimits, Pixels, open_image
from autoquality_server.methods import Spare, Trial
from autoquality_server.pipeline import Pipeline
from tests.photos import crop
from tests.waiting import LIMIT, in_background

LIMITS = ImageLimits(2**26, 2**26)
IMAGE = crop("coffee.png", 256, 192)


class Lender:
    """Lends a core, or not, and remembers."""

    def __init__(self, *, idle: bool = True) -> None:
        self.idle = idle
        self.asked: list[int] = []
        self.lent = 0

    @contextmanager
    def __call__(self, pixels: int) -> Iterator[bool]:
        self.asked.append(pixels)
        self.lent += self.idle
        try:
            yield self.idle
        finally:
            self.lent -= self.idle


def encoded(spare: Spare | None, wish: Wish, fmt: Format) -> EncodeResult:
    pipeline = Pipeline(Defaults(), LIMITS, spare=spare)
    return pipeline.encode(EncodeJob(IMAGE, fmt, wish, None, EncoderOptions()), Deadline())


def trial_of(spare: Spare, deadline: Deadline | None = None) -> Trial:
    pixels = open_image(IMAGE, LIMITS).decode(all_frames=False)
    return Trial(
        *(pixels, CODECS[Format.WEBP], EncoderOptions(), deadline or Deadline(), Timings()),
        spare=spare,
    )


@pytest.mark.parametrize("fmt", [Format.JPEG, Format.WEBP, Format.AVIF])
@pytest.mark.parametrize(
    "wish", [Wish(Method.SIZE, 6000, 10, 95), Wish(Method.DSSIM, 0.02, 10, 95)]
)
def test_the_answer_is_that_of_one_at_a_time(wish: Wish, fmt: Format) -> None:
    lender = Lender()
    together, alone = encoded(lender, wish, fmt), encoded(None, wish, fmt)
    assert (together.image, together.quality) == (alone.image, alone.quality)
    assert (together.dssim, together.outcome) == (alone.dssim, alone.outcome)
    assert lender.lent == 0
    assert set(lender.asked) <= {256 * 192}
    if wish.method is Method.SIZE:
        assert lender.asked


def test_without_an_idle_core_one_is_tried_after_the_other() -> None:
    lender = Lender(idle=False)
    wish = Wish(Method.SIZE, 6000, 10, 95)
    busy, alone = (encoded(one, wish, Format.WEBP) for one in (lender, None))
    assert [one.quality for one in busy.probes] == [one.quality for one in alone.probes]
    assert lender.asked


def test_both_are_kept_and_their_time_is_counted_once() -> None:
    trial = trial_of(Lender())
    first, second = trial.probe_two(60, 80, measure=True)
    assert (first.quality, second.quality) == (60, 80)
    assert trial.probes == [first, second]
    for one in (first, second):
        assert len(trial.encoded(one.quality)) == one.size_bytes
        assert trial.dssim_at(one.quality) == one.dssim
        again = trial_of(Lender()).probe(one.quality, measure=True)
        assert (again.size_bytes, again.dssim) == (one.size_bytes, one.dssim)
    slower = max(first, second, key=lambda one: one.encode_seconds + one.measure_seconds)
    assert trial.timings.encode == slower.encode_seconds
    assert trial.timings.measure == slower.measure_seconds


def test_each_is_told_of_as_a_probe() -> None:
    told: list[Probe] = []
    pixels = open_image(IMAGE, LIMITS).decode(all_frames=False)
    trial = Trial(
        *(pixels, CODECS[Format.JPEG], EncoderOptions(), Deadline(), Timings()),
        on_probe=told.append,
        spare=Lender(),
    )
    assert trial.probe_two(50, 51, measure=False) == told


def test_a_caller_that_leaves_ends_both_and_gives_the_core_back() -> None:
    deadline, lender = Deadline(), Lender()
    trial = trial_of(lender, deadline)
    deadline.cancel()
    with pytest.raises(RequestCancelled):
        trial.probe_two(60, 80, measure=False)
    assert trial.probes == []
    assert lender.lent == 0


def test_what_fails_beside_fails_the_request(monkeypatch: pytest.MonkeyPatch) -> None:
    trial = trial_of(Lender())
    usual = trial._encode

    def fail_at_80(quality: int) -> tuple[bytes, float]:
        if quality == 80:
            raise MemoryError
        return usual(quality)

    monkeypatch.setattr(trial, "_encode", fail_at_80)
    before = threading.active_count()
    with pytest.raises(MemoryError):
        trial.probe_two(60, 80, measure=False)
    assert threading.active_count() == before


def test_an_idle_worker_is_lent_and_a_busy_one_is_not() -> None:
    admission = Admission(workers=2, queue_size=1, pixels=10**7)
    with admission.admit(Deadline(), 10**6):
        with admission.spare(10**6) as lent:
            assert lent
            assert admission.running == 1, "it is no request of its own"
            assert admission.pixels == 2 * 10**6
            with admission.spare(10**6) as third:
                assert not third
        assert admission.pixels == 10**6
        with admission.spare(10**7) as too_large:
            assert not too_large
        with admission.admit(Deadline(), 10**6), admission.spare(1) as lent:
            assert not lent
    assert (admission.running, admission.pixels) == (0, 0)


def test_who_waits_goes_before_a_second_core() -> None:
    admission = Admission(workers=2, queue_size=1, pixels=10**7)
    served = threading.Event()

    def wait() -> None:
        with admission.admit(Deadline(), 10**6):
            served.set()

    with admission.admit(Deadline(), 10**6):
        with admission.spare(10**6):
            waiting = in_background(wait)
            assert not served.wait(0.1)
        waiting.result(LIMIT)


def test_nobody_is_turned_away_for_a_worker_that_was_only_lent() -> None:
    admission = Admission(workers=2, queue_size=0, pixels=10**7)
    served = threading.Event()

    def come() -> None:
        with admission.admit(Deadline(), 10**6):
            served.set()

    with admission.admit(Deadline(), 10**6):
        with admission.spare(10**6):
            coming = in_background(come)
            assert not served.wait(0.1)
        coming.result(LIMIT)
        with admission.admit(Deadline(), 10**6), pytest.raises(Overloaded):
            come()


def test_a_caller_that_leaves_while_opencv_encodes_has_nothing_measured(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    deadline = Deadline()
    trial = trial_of(Lender(), deadline)
    encode = trial._codec.encode

    def leave(pixels: Pixels, quality: int, options: EncoderOptions) -> bytes:
        deadline.cancel()
        return encode(pixels, quality, options)

    monkeypatch.setattr(type(trial._codec), "encode", staticmethod(leave))
    with pytest.raises(RequestCancelled):
        trial.probe(60, measure=True)
    assert trial.probes == []
