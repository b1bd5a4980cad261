"""One predictor serves all handlers; its circuit opens after failures, its network is replaced."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from autoquality_core.errors import DeadlinePassed
from autoquality_core.networks import (
    CircuitOpen,
    LoadOptions,
    NetworkError,
    PredictionFailed,
    load,
)
from autoquality_core.runtime.deadline import Deadline
from autoquality_server.config.groups.quality import PredictionSettings
from autoquality_server.inference.shared import SharedPredictor
from tests.inference.fakes import RecordedEvents
from tests.networks import (
    constant_graph,
    curve_graph,
    peak_at,
    picky_graph,
    quality_of,
    side_content,
    write_side_file,
)
from tests.networks.images import plain
from tests.waiting import LIMIT

GREY = plain((128, 128, 128))
BLACK, WHITE = plain((0, 0, 0)), plain((255, 255, 255))


def shared(
    path: Path, events: RecordedEvents | None = None, limit: int = 5, backoff: float = 5.0
) -> SharedPredictor:
    options = LoadOptions(batch_sizes=(1, 2, 4))
    settings = PredictionSettings(predictor_failure_limit=limit, predictor_retry_interval=backoff)
    return SharedPredictor(partial(load, path, options), settings, events or RecordedEvents())


def replace_graph(path: Path, quality: int) -> None:
    """Replace the file at `path` atomically."""
    constant_graph(path.with_suffix(".new"), peak_at(quality)).replace(path)


def test_repeated_failures_open_the_circuit_and_a_trial_closes_it(tmp_path: Path) -> None:
    events = RecordedEvents()
    changes: list[bool] = []
    predictor = shared(picky_graph(tmp_path / "a.pb"), events, limit=3, backoff=0.01)
    predictor.on_available(changes.append)
    for _ in range(3):
        with pytest.raises(PredictionFailed):
            predictor.predict(WHITE, 0.02)
    assert not predictor.available and changes == [True, False]
    while not predictor.available:
        try:
            assert predictor.predict(BLACK, 0.02).quality == 1
        except CircuitOpen:
            continue
    assert changes == [True, False, True]
    assert events.failures == 3
    assert [available for _, available in events.served] == [True, False, True]
    predictor.close()


def test_an_open_circuit_does_not_run_the_network(tmp_path: Path) -> None:
    events = RecordedEvents()
    predictor = shared(picky_graph(tmp_path / "a.pb"), events, limit=1, backoff=300)
    with pytest.raises(PredictionFailed):
        predictor.predict(WHITE, 0.02)
    runs = len(events.runs)
    for _ in range(10):
        with pytest.raises(CircuitOpen):
            predictor.predict(BLACK, 0.02)
    assert len(events.runs) == runs and events.failures == 1
    predictor.close()


def test_a_passed_deadline_is_no_failure_of_the_network(tmp_path: Path) -> None:
    predictor = shared(picky_graph(tmp_path / "a.pb"), limit=1)
    with pytest.raises(DeadlinePassed):
        predictor.predict(BLACK, 0.02, Deadline(0))
    assert predictor.available
    predictor.close()


def test_a_reload_under_load_fails_no_request(tmp_path: Path) -> None:
    """Each answer is that of the old or of the new network; after a reload, of the new one."""
    path = constant_graph(tmp_path / "a.pb", peak_at(11))
    predictor = shared(path)
    stop = threading.Event()

    def ask() -> list[int]:
        answers = []
        while not stop.is_set():
            answers.append(predictor.predict(GREY, 0.02).quality)
        return answers

    with ThreadPoolExecutor(8) as pool:
        asking = [pool.submit(ask) for _ in range(8)]
        try:
            for quality in (22, 33, 44):
                replace_graph(path, quality)
                assert predictor.reload()
                assert predictor.predict(GREY, 0.02).quality == quality
        finally:
            stop.set()
        answers = [answer for one in asking for answer in one.result(LIMIT)]
    assert set(answers) <= {11, 22, 33, 44}
    assert answers
    predictor.close()


def test_a_new_network_may_need_another_input(tmp_path: Path) -> None:
    path = constant_graph(tmp_path / "a.pb", peak_at(11))
    predictor = shared(path)
    curve_graph(tmp_path / "b.pb").replace(path)
    write_side_file(path, side_content())
    assert predictor.reload()
    prediction = predictor.predict(plain((51, 0, 0)), 0.02)
    assert prediction.quality == quality_of(51) and prediction.curve is not None
    assert predictor.info.version == "1.2"
    predictor.close()


def test_a_broken_new_file_is_logged_and_counted_and_the_old_one_stays(
    tmp_path: Path,
) -> None:
    events = RecordedEvents()
    path = constant_graph(tmp_path / "a.pb", peak_at(11))
    predictor = shared(path, events)
    known = predictor.info
    path.write_bytes(b"\x00garbage")
    with capture_logs() as lines:
        assert not predictor.reload()
    assert predictor.predict(GREY, 0.02).quality == 11
    assert predictor.info == known
    assert events.reloads == [False]
    assert [line["error"].startswith(f"{path}: not a TensorFlow") for line in lines] == [True]
    predictor.close()


def test_a_reload_closes_the_circuit(tmp_path: Path) -> None:
    path = picky_graph(tmp_path / "a.pb")
    predictor = shared(path, limit=1, backoff=300)
    with pytest.raises(PredictionFailed):
        predictor.predict(WHITE, 0.02)
    replace_graph(path, 22)
    assert predictor.reload() and predictor.available
    assert predictor.predict(WHITE, 0.02).quality == 22
    predictor.close()


def test_a_closed_predictor_has_no_answers(tmp_path: Path) -> None:
    path = constant_graph(tmp_path / "a.pb", peak_at(11))
    predictor = shared(path)
    predictor.close()
    with pytest.raises(PredictionFailed):
        predictor.predict(GREY, 0.02)
    assert not predictor.available
    assert not predictor.reload()


def test_a_network_that_cannot_be_loaded_makes_no_predictor(tmp_path: Path) -> None:
    with pytest.raises(NetworkError):
        shared(tmp_path / "missing.pb")
