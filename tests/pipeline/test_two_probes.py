"""Real encodings made at the same time, while a core is idle."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from autoquality_core.errors import RequestCancelled
from autoquality_core.formats import EncoderOptions, WebpEncoder, encoder_for
from autoquality_core.images import ImageLimits, Pixels, open_image
from autoquality_core.metrics import DSSIM
from autoquality_core.pipeline.defaults import Defaults
from autoquality_core.pipeline.job import EncodeJob, EncodeResult
from autoquality_core.pipeline.pipeline import Pipeline
from autoquality_core.pipeline.session import LendCore, Session
from autoquality_core.runtime.context import Context, Observer, Step, active_context
from autoquality_core.runtime.deadline import Deadline
from autoquality_core.types import Format, Method, Probe, Progress, TargetSpec
from tests.photos import crop

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


def encoded(lend_core: LendCore | None, spec: TargetSpec, fmt: Format) -> EncodeResult:
    pipeline = Pipeline(Defaults(), LIMITS, lend_core=lend_core)
    return pipeline.encode(EncodeJob(IMAGE, fmt, spec, None, EncoderOptions()), Deadline())


def session_of(lend_core: LendCore, deadline: Deadline | None = None) -> Session:
    pixels = open_image(IMAGE, LIMITS).decode(all_frames=False)
    return Session(pixels, encoder_for(Format.WEBP), deadline or Deadline(), lend_core=lend_core)


@pytest.mark.parametrize("fmt", [Format.JPEG, Format.WEBP, Format.AVIF, Format.JXL])
@pytest.mark.parametrize(
    "spec", [TargetSpec(Method.SIZE, 6000, 10, 95), TargetSpec(Method.DSSIM, 0.02, 10, 95)]
)
def test_the_answer_is_that_of_one_at_a_time(spec: TargetSpec, fmt: Format) -> None:
    lender = Lender()
    together, alone = encoded(lender, spec, fmt), encoded(None, spec, fmt)
    assert (together.image, together.quality) == (alone.image, alone.quality)
    assert (together.scores, together.outcome) == (alone.scores, alone.outcome)
    assert lender.lent == 0
    assert set(lender.asked) <= {256 * 192}
    if spec.method is Method.SIZE:
        assert lender.asked


def test_without_an_idle_core_one_is_tried_after_the_other() -> None:
    lender = Lender(idle=False)
    spec = TargetSpec(Method.SIZE, 6000, 10, 95)
    busy, alone = (encoded(one, spec, Format.WEBP) for one in (lender, None))
    assert [one.quality for one in busy.probes] == [one.quality for one in alone.probes]
    assert lender.asked


def test_both_are_kept_and_their_time_is_counted_once() -> None:
    session, context = session_of(Lender()), Context()
    with context.active():
        first, second = session.probe_two(60, 80, DSSIM)
    assert (first.quality, second.quality) == (60, 80)
    assert session.probes == [first, second]
    for one in (first, second):
        assert len(session.file(one.quality)) == one.size_bytes
        assert session.scores(one.quality)["dssim"] == one.scores["dssim"]
        again = session_of(Lender()).probe(one.quality, DSSIM)
        assert (again.size_bytes, again.scores["dssim"]) == (one.size_bytes, one.scores["dssim"])
    slower = max(first, second, key=lambda one: one.encode_seconds + one.measure_seconds)
    assert context.timings.encode == slower.encode_seconds
    assert context.timings.measure == slower.measure_seconds


class Recorder(Observer):
    def __init__(self) -> None:
        self.probes: list[Probe | None] = []
        self.steps: list[tuple[str, str | None]] = []

    def finished(self, step: Step, error: BaseException | None) -> None:
        assert error is None
        self.steps.append((step.name, step.parent and step.parent.name))

    def progressed(self, progress: Progress) -> None:
        self.probes.append(progress.probe)


def test_the_observers_of_the_request_see_both_probes_and_their_steps() -> None:
    recorder = Recorder()
    pixels = open_image(IMAGE, LIMITS).decode(all_frames=False)
    session = Session(
        pixels, encoder_for(Format.JPEG, EncoderOptions()), Deadline(), lend_core=Lender()
    )
    with Context(None, recorder).active():
        assert session.probe_two(50, 51) == recorder.probes
    assert sorted(recorder.steps) == [("encode", "probe")] * 2 + [("probe", None)] * 2
    assert active_context() is None


def test_a_caller_that_leaves_ends_both_and_gives_the_core_back() -> None:
    deadline, lender = Deadline(), Lender()
    session = session_of(lender, deadline)
    deadline.cancel()
    with pytest.raises(RequestCancelled):
        session.probe_two(60, 80)
    assert session.probes == []
    assert lender.lent == 0


def test_a_failure_of_the_second_probe_fails_the_request(monkeypatch: pytest.MonkeyPatch) -> None:
    session = session_of(Lender())
    usual = session._encode

    def fail_at_80(quality: int) -> tuple[bytes, float]:
        if quality == 80:
            raise MemoryError
        return usual(quality)

    monkeypatch.setattr(session, "_encode", fail_at_80)
    with pytest.raises(MemoryError):
        session.probe_two(60, 80)
    assert not [one.name for one in threading.enumerate() if one.name.startswith("second")]


def test_a_caller_that_leaves_while_an_encoder_works_has_nothing_measured(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    deadline = Deadline()
    session = session_of(Lender(), deadline)
    encode = WebpEncoder.encode

    def leave(encoder: WebpEncoder, pixels: Pixels, quality: int) -> bytes:
        deadline.cancel()
        return encode(encoder, pixels, quality)

    monkeypatch.setattr(WebpEncoder, "encode", leave)
    with pytest.raises(RequestCancelled):
        session.probe(60, DSSIM)
    assert session.probes == []
