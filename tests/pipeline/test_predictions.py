"""The cases that a request of method ml meets at its network: a full queue, its own deadline."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from autoquality_core.errors import DeadlinePassed, Overloaded
from autoquality_core.formats import EncoderOptions
from autoquality_core.images import ImageLimits
from autoquality_core.networks import load
from autoquality_core.pipeline.defaults import Defaults
from autoquality_core.pipeline.job import EncodeJob, EncodeResult
from autoquality_core.pipeline.pipeline import Pipeline
from autoquality_core.runtime.deadline import Deadline
from autoquality_core.types import Format, Limits, Method, Outcome, TargetSpec
from autoquality_server.config.groups.quality import PredictionSettings
from autoquality_server.inference.shared import SharedPredictor
from tests.inference.fakes import Gated, RecordedEvents
from tests.networks import constant_graph, peak_at
from tests.photos import crop
from tests.pipeline.kept import Passing
from tests.waiting import LIMIT, until

PHOTO = crop("coffee.png", 64, 48)


class Held:
    """A pipeline whose network takes one image at a time, and lets one wait."""

    def __init__(self, graph: Path) -> None:
        self.network = Gated(load(graph))
        settings = PredictionSettings(max_batch_size=1, max_enqueued_batches=1)
        self.predictor = SharedPredictor(lambda: self.network, settings, RecordedEvents())
        limits = ImageLimits(2**26, 50_000_000)
        self.pipeline = Pipeline(Defaults(), limits, {Format.WEBP: self.predictor})
        self.pool = ThreadPoolExecutor(4)

    def encode(self, deadline: Deadline | None = None) -> Future[EncodeResult]:
        spec = TargetSpec(Method.ML, allowed_error=1, min_quality=1, max_quality=100)
        job = EncodeJob(PHOTO, Format.WEBP, spec, None, EncoderOptions())
        return self.pool.submit(self.pipeline.encode, job, deadline or Deadline())

    def waits(self) -> bool:
        return len(self.predictor._batcher._queue) == 1


@pytest.fixture
def held(tmp_path: Path) -> Iterator[Held]:
    made = Held(constant_graph(tmp_path / "a.pb", peak_at(57)))
    yield made
    made.network.gate.set()
    made.predictor.close()
    made.pool.shutdown()


def test_a_full_queue_of_the_network_refuses_the_request(held: Held) -> None:
    running = held.encode()
    until(lambda: held.network.sizes)
    waiting = held.encode()
    until(held.waits)
    with pytest.raises(Overloaded) as caught:
        held.encode().result(LIMIT)
    assert caught.value.retry_seconds > 0
    held.network.gate.set()
    for one in (running, waiting):
        assert (one.result(LIMIT).quality, one.result(LIMIT).outcome) == (
            57,
            Outcome.PREDICTION_TRUSTED,
        )


def test_a_deadline_that_passes_while_the_network_is_busy_ends_the_request(held: Held) -> None:
    running = held.encode()
    until(lambda: held.network.sizes)
    with pytest.raises(DeadlinePassed):
        held.encode(Deadline(0.05)).result(LIMIT)
    held.network.gate.set()
    assert running.result(LIMIT).quality == 57
    assert held.network.sizes == [1]


def test_a_trusted_prediction_is_checked_against_a_score_whatever_time_is_left(
    tmp_path: Path,
) -> None:
    network = load(constant_graph(tmp_path / "a.pb", peak_at(57)))
    pipeline = Pipeline(Defaults(), ImageLimits(2**26, 50_000_000), {Format.WEBP: network})
    limits = Limits(None, {"ssimulacra2": 99})
    spec = TargetSpec(Method.ML, allowed_error=1, min_quality=1, max_quality=100, limits=limits)
    job = EncodeJob(PHOTO, Format.WEBP, spec, None, EncoderOptions())
    for questions in range(6):
        result = pipeline.encode(job, Passing(questions))
        assert result.outcome is not Outcome.PREDICTION_TRUSTED
        assert result.probes[0].quality == 57 and "ssimulacra2" in result.probes[0].scores


def test_a_trusted_prediction_over_a_limit_is_encoded_once_without_searches(tmp_path: Path) -> None:
    network = load(constant_graph(tmp_path / "a.pb", peak_at(57)))
    limits = ImageLimits(2**26, 50_000_000)
    pipeline = Pipeline(Defaults(), limits, {Format.WEBP: network}, max_search_pixels=1)
    floor = Limits(None, {"ssimulacra2": 90})
    spec = TargetSpec(Method.ML, allowed_error=1, min_quality=1, max_quality=100, limits=floor)
    result = pipeline.encode(
        EncodeJob(PHOTO, Format.WEBP, spec, None, EncoderOptions()), Deadline()
    )
    tried = [one.quality for one in result.probes]
    assert 57 in tried and len(set(tried)) == len(tried) > 1
