"""Changed files of networks are noticed once they are complete."""

from __future__ import annotations

from pathlib import Path
from threading import Event, Thread

from structlog.testing import capture_logs

from autoquality_server.config.watched_files import WatchedFiles
from autoquality_server.inference.predictors import poll
from tests.waiting import LIMIT, until


def watched(path: Path) -> WatchedFiles:
    return WatchedFiles((path, path.with_suffix(".json")))


def changes(network: WatchedFiles, polls: int) -> list[bool]:
    return [network.settled() for _ in range(polls)]


def test_a_change_is_reported_once_two_polls_agree(tmp_path: Path) -> None:
    """A file that is still being written is left alone."""
    path = tmp_path / "a.pb"
    path.write_bytes(b"first")
    network = watched(path)
    assert not network.settled()
    path.write_bytes(b"second, half")
    assert not network.settled()
    path.write_bytes(b"second, half and the rest")
    assert changes(network, 3) == [False, True, False]


def test_a_new_side_file_is_a_change(tmp_path: Path) -> None:
    """The network itself may stay the same."""
    path = tmp_path / "a.pb"
    path.write_bytes(b"first")
    network = watched(path)
    path.with_suffix(".json").write_text("{}")
    assert changes(network, 3) == [False, True, False]


def test_a_missing_network_is_no_change_until_it_is_back(tmp_path: Path) -> None:
    """The loaded network serves meanwhile."""
    path = tmp_path / "a.pb"
    path.write_bytes(b"first")
    network = watched(path)
    path.unlink()
    assert changes(network, 3) == [False, False, False]
    path.write_bytes(b"back")
    assert changes(network, 3) == [False, True, False]


def test_an_error_of_one_network_does_not_stop_the_polling(tmp_path: Path) -> None:
    """It is logged."""
    reloaded: list[str] = []
    stop = Event()

    def fail() -> None:
        reloaded.append("failed")
        raise RuntimeError("from the library")

    reloads = []
    for name, reload in (("a.pb", fail), ("b.pb", lambda: reloaded.append("b"))):
        path = tmp_path / name
        network = watched(path)
        path.write_bytes(b"new")
        reloads.append((network, reload))
    with capture_logs() as lines:
        poller = Thread(target=poll, args=(reloads, 0.01, stop))
        poller.start()
        until(lambda: len(reloaded) == 2)
        stop.set()
        poller.join(LIMIT)
    assert reloaded == ["failed", "b"]
    assert [line["event"] for line in lines] == ["a changed network could not be loaded"]
