"""One network for all handlers: it rests after failures and is replaced while it serves."""

from __future__ import annotations

import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from autoquality_server.deadline import Deadline
from autoquality_server.errors import DeadlinePassed
from autoquality_server.predictor import (
    LoadOptions,
    NetworkError,
    NetworkResting,
    PredictionFailed,
    SharedPredictor,
    Sharing,
    load,
)
from autoquality_server.predictor.watching import WatchedFile, Watcher, state_of
from tests.networks import (
    constant_graph,
    curve_graph,
    peak_at,
    side_content,
    write_side_file,
)
from tests.predictor.gated import Counted
from tests.predictor.images import plain
from tests.predictor.test_batching import picky_graph, quality_of
from tests.waiting import LIMIT, until

GREY = plain((128, 128, 128))
BLACK, WHITE = plain((0, 0, 0)), plain((255, 255, 255))


def shared(path: Path, events: Counted | None = None, **sharing: float) -> SharedPredictor:
    options = LoadOptions(batch_sizes=(1, 2, 4))
    return SharedPredictor(partial(load, path, options), Sharing(**sharing), events)


def replace_graph(path: Path, quality: int) -> None:
    """Put another network in the place of `path`, in one step."""
    constant_graph(path.with_suffix(".new"), peak_at(quality)).replace(path)


def test_repeated_failure_makes_it_rest_and_a_trial_wakes_it(tmp_path: Path) -> None:
    events = Counted()
    told: list[bool] = []
    predictor = shared(picky_graph(tmp_path / "a.pb"), events, failure_limit=3, retry_interval=0.01)
    predictor.on_available(told.append)
    for _ in range(3):
        with pytest.raises(PredictionFailed):
            predictor.predict(WHITE, 0.02)
    assert not predictor.available and told == [True, False]
    while not predictor.available:
        try:
            assert predictor.predict(BLACK, 0.02).quality == 1
        except NetworkResting:
            continue
    assert told == [True, False, True]
    assert events.failures == 3
    assert [available for _, available in events.served] == [True, False, True]
    predictor.close()


def test_while_it_rests_the_network_is_not_asked(tmp_path: Path) -> None:
    events = Counted()
    predictor = shared(picky_graph(tmp_path / "a.pb"), events, failure_limit=1, retry_interval=300)
    with pytest.raises(PredictionFailed):
        predictor.predict(WHITE, 0.02)
    runs = len(events.runs)
    for _ in range(10):
        with pytest.raises(NetworkResting):
            predictor.predict(BLACK, 0.02)
    assert len(events.runs) == runs and events.failures == 1
    predictor.close()


def test_a_deadline_that_has_passed_is_no_failure_of_the_network(tmp_path: Path) -> None:
    predictor = shared(picky_graph(tmp_path / "a.pb"), failure_limit=1)
    with pytest.raises(DeadlinePassed):
        predictor.predict(BLACK, 0.02, Deadline(0))
    assert predictor.available
    predictor.close()


def test_a_reload_under_load_fails_nobody(tmp_path: Path) -> None:
    """Each answer is the old network's or the new one's, and in the end the new one's."""
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


def test_a_new_network_may_want_another_input(tmp_path: Path) -> None:
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
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    events = Counted()
    path = constant_graph(tmp_path / "a.pb", peak_at(11))
    predictor = shared(path, events)
    known = predictor.info
    path.write_bytes(b"\x00garbage")
    assert not predictor.reload()
    assert predictor.predict(GREY, 0.02).quality == 11
    assert predictor.info == known
    assert events.reloads == [False]
    assert f"{path}: not a TensorFlow frozen graph" in caplog.text
    predictor.close()


def test_a_reload_wakes_a_resting_network(tmp_path: Path) -> None:
    path = picky_graph(tmp_path / "a.pb")
    predictor = shared(path, failure_limit=1, retry_interval=300)
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


def test_a_change_is_told_once_it_has_settled(tmp_path: Path) -> None:
    path = tmp_path / "a.pb"
    path.write_bytes(b"first")
    changes: list[str] = []
    watched = WatchedFile(path, state_of(path), lambda: changes.append("changed"))
    watched.look()
    path.write_bytes(b"second, half")
    watched.look()
    path.write_bytes(b"second, half and the rest")
    watched.look()
    assert changes == []
    watched.look()
    watched.look()
    assert changes == ["changed"]


def test_a_side_file_counts_and_a_network_that_is_gone_does_not(tmp_path: Path) -> None:
    path = tmp_path / "a.pb"
    path.write_bytes(b"first")
    changes: list[str] = []
    watched = WatchedFile(path, state_of(path), lambda: changes.append("changed"))
    path.with_suffix(".json").write_text("{}")
    watched.look()
    watched.look()
    assert changes == ["changed"]
    path.unlink()
    for _ in range(3):
        watched.look()
    assert changes == ["changed"]
    path.write_bytes(b"back")
    watched.look()
    watched.look()
    assert changes == ["changed", "changed"]


def test_one_network_that_chokes_does_not_end_the_watch(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    changes: list[str] = []

    def choke() -> None:
        changes.append("choked")
        raise RuntimeError("of the library's own")

    files = []
    for name, changed in (("a.pb", choke), ("b.pb", lambda: changes.append("b"))):
        path = tmp_path / name
        known = state_of(path)
        path.write_bytes(b"new")
        files.append(WatchedFile(path, known, changed))
    with caplog.at_level(logging.ERROR):
        watcher = Watcher(files, 0.01)
        until(lambda: len(changes) == 2)
        watcher.close()
    assert changes == ["choked", "b"]
    assert "could not be loaded" in caplog.text
