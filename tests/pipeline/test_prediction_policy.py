"""METHOD_DSSIM asks a network too: where it was trained for the options, and where it pays."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from autoquality_core.errors import Overloaded, RequestCancelled
from autoquality_core.formats import EncoderOptions, WebpEncoder, WebpOptions
from autoquality_core.images import ImageLimits, Pixels, open_image
from autoquality_core.metrics import DSSIM, SSIMULACRA2, Metric
from autoquality_core.networks import NetworkInfo, Prediction, PredictionFailed, Predictor, load
from autoquality_core.networks.bundled import bundled_network
from autoquality_core.pipeline import prediction_policy as policy
from autoquality_core.pipeline.defaults import Defaults
from autoquality_core.pipeline.job import EncodeJob, EncodeResult
from autoquality_core.pipeline.pipeline import Pipeline
from autoquality_core.pipeline.session import Session
from autoquality_core.runtime.deadline import Deadline
from autoquality_core.types import Format, Method, Outcome, TargetSpec
from tests.clock import Clock
from tests.photos import crop, photo

LIMITS = ImageLimits(2**26, 50_000_000)
LARGE = crop("coffee.png", 480, 360)
SMALL = crop("coffee.png", 64, 48)
PHOTOS = ("astronaut.png", "coffee.png", "chelsea.png", "rocket.jpg")


class Watched:
    """The WebP network in the box; it counts its calls, and may be made to do worse."""

    def __init__(self, network: Predictor) -> None:
        self.network = network
        self.asked = 0
        self.before: Callable[[], None] = lambda: None
        self.available = True
        self.deadline: Deadline | None = None

    @property
    def info(self) -> NetworkInfo:
        return self.network.info

    def predict(
        self,
        pixels: Pixels,
        target: float,
        deadline: Deadline | None = None,
        metric: str = DSSIM.name,
    ) -> Prediction:
        self.asked += 1
        self.deadline = deadline
        self.before()
        return self.network.predict(pixels, target, deadline, metric)


@pytest.fixture(scope="module")
def network() -> Iterator[Predictor]:
    path = bundled_network(Format.WEBP)
    assert path is not None
    loaded = load(path)
    yield loaded
    loaded.close()


@pytest.fixture
def watched(network: Predictor) -> Watched:
    return Watched(network)


@pytest.fixture
def pipeline(watched: Watched) -> Pipeline:
    return Pipeline(Defaults(), LIMITS, {Format.WEBP: watched})


def encode(
    pipeline: Pipeline,
    image: bytes,
    options: EncoderOptions | None = None,
    deadline: Deadline | None = None,
) -> EncodeResult:
    spec = TargetSpec(
        Method.DSSIM, target=0.015, allowed_error=0.002, min_quality=10, max_quality=95
    )
    job = EncodeJob(image, Format.WEBP, spec, None, options or EncoderOptions())
    return pipeline.encode(job, deadline or Deadline())


def raising(error: Exception) -> Callable[[], None]:
    def fail() -> None:
        raise error

    return fail


def test_a_network_shortens_the_search_and_the_promise_is_kept(watched: Watched) -> None:
    def fresh(*, advise: bool) -> Pipeline:
        return Pipeline(Defaults(), LIMITS, {Format.WEBP: watched}, advise=advise)

    alone = [encode(fresh(advise=False), photo(name)) for name in PHOTOS]
    assert watched.asked == 0
    helped = [encode(fresh(advise=True), photo(name)) for name in PHOTOS]
    assert watched.asked == len(PHOTOS)
    for one in (*alone, *helped):
        assert one.outcome is Outcome.TARGET_MET
        assert one.scores["dssim"] == pytest.approx(0.015, abs=0.002)
        assert one.applied.method is Method.DSSIM
    assert all(one.predicted_quality is None for one in alone)
    assert all(one.predicted_quality is not None for one in helped)
    assert sum(len(one.probes) for one in helped) < sum(len(one.probes) for one in alone)


@pytest.mark.parametrize("webp", [WebpOptions(effort=3), WebpOptions(smart_subsample=True)])
def test_a_network_for_other_options_is_not_asked(
    pipeline: Pipeline, watched: Watched, webp: WebpOptions
) -> None:
    found = encode(pipeline, LARGE, EncoderOptions(webp=webp))
    assert (watched.asked, found.predicted_quality) == (0, None)


def test_a_network_that_does_not_say_what_for_is_not_asked(network: Predictor) -> None:
    silent = Watched(network)
    told = replace(network.info, encoder={})
    pipeline = Pipeline(Defaults(), LIMITS, {Format.WEBP: silent})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Watched, "info", told)
        encode(pipeline, LARGE)
    assert silent.asked == 0


def test_a_network_that_rests_is_not_asked(pipeline: Pipeline, watched: Watched) -> None:
    watched.available = False
    found = encode(pipeline, LARGE)
    assert (watched.asked, found.notices) == (0, ())


@pytest.mark.parametrize(
    "error", [PredictionFailed("broken"), Overloaded("too many wait", retry_seconds=1)]
)
def test_what_goes_wrong_with_a_network_is_nothing_to_a_search_that_can_do_without(
    pipeline: Pipeline, watched: Watched, error: Exception
) -> None:
    watched.before = raising(error)
    found = encode(pipeline, LARGE)
    assert watched.asked == 1
    assert found.outcome is Outcome.TARGET_MET
    assert (found.predicted_quality, found.notices) == (None, ())


def test_a_network_is_not_asked_for_an_image_that_costs_less_than_a_prediction(
    pipeline: Pipeline, watched: Watched
) -> None:
    encode(pipeline, SMALL)
    assert watched.asked == 0


@pytest.mark.parametrize(("metric", "asked"), [(DSSIM, 0), (SSIMULACRA2, 1)])
def test_the_measurement_counts_as_a_part_of_a_probe(
    watched: Watched, metric: Metric, asked: int
) -> None:
    """A probe of 55,000 pixels takes less than a prediction, unless its measurement is slow."""
    pixels = open_image(crop("coffee.png", 250, 220), LIMITS).decode(all_frames=False)
    session = Session(pixels, WebpEncoder(), Deadline())
    known = {Format.WEBP: watched}
    policy.worthwhile_prediction(known, session, metric, metric.default_target, misses=1.0)
    assert watched.asked == asked


def test_the_answer_does_not_depend_on_how_long_anything_takes(
    pipeline: Pipeline, watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same image again and again, while network and encoder are slow and fast by turns."""
    pauses = iter([0.3, 0.0, 0.1, 0.0] * 5)
    watched.before = lambda: time.sleep(next(pauses))
    usual = WebpEncoder.encode

    def slow(encoder: WebpEncoder, pixels: Pixels, quality: int) -> bytes:
        time.sleep(0.02 * (watched.asked % 3))
        return usual(encoder, pixels, quality)

    monkeypatch.setattr(WebpEncoder, "encode", slow)
    answers = [encode(pipeline, LARGE) for _ in range(6)]
    assert watched.asked == len(answers)
    assert {one.image for one in answers} == {answers[0].image}
    assert {tuple(probe.quality for probe in one.probes) for one in answers} == {
        tuple(probe.quality for probe in answers[0].probes)
    }


@pytest.mark.parametrize(
    ("seconds", "longest", "short"),
    [(None, 10, False), (400, 10, False), (40, 10, True), (20, 5, True)],
)
def test_a_network_that_hangs_takes_10_seconds_or_a_quarter_of_the_deadline(
    pipeline: Pipeline,
    watched: Watched,
    monkeypatch: pytest.MonkeyPatch,
    seconds: float | None,
    longest: float,
    short: bool,
) -> None:
    """Whichever is shorter, as documented. With more time, the answer might be another."""
    monkeypatch.setattr("autoquality_core.runtime.deadline.time", clock := Clock())

    def hang() -> None:
        assert watched.deadline is not None
        assert watched.deadline.remaining() == longest
        clock.now += longest
        watched.deadline.check()

    watched.before = hang
    deadline = Deadline(seconds)
    found = encode(pipeline, LARGE, deadline=deadline)
    assert (watched.asked, found.predicted_quality) == (1, None)
    assert found.outcome is Outcome.TARGET_MET
    assert deadline.was_short is short


def test_a_caller_that_leaves_meanwhile_ends_the_request(
    pipeline: Pipeline, watched: Watched
) -> None:
    deadline = Deadline()

    def leave() -> None:
        deadline.cancel()
        assert watched.deadline is not None
        watched.deadline.check()

    watched.before = leave
    with pytest.raises(RequestCancelled):
        encode(pipeline, LARGE, deadline=deadline)
