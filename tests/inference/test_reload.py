"""Changed files of networks are noticed once they are complete."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from autoquality_server.inference.reload import WatchedFile, Watcher, state_of
from tests.waiting import until


def test_a_change_is_reported_once_two_polls_agree(tmp_path: Path) -> None:
    path = tmp_path / "a.pb"
    path.write_bytes(b"first")
    changes: list[str] = []
    watched = WatchedFile(path, state_of(path), lambda: changes.append("changed"))
    watched.poll()
    path.write_bytes(b"second, half")
    watched.poll()
    path.write_bytes(b"second, half and the rest")
    watched.poll()
    assert changes == []
    watched.poll()
    watched.poll()
    assert changes == ["changed"]


def test_a_new_side_file_is_a_change_and_a_missing_network_is_not(tmp_path: Path) -> None:
    path = tmp_path / "a.pb"
    path.write_bytes(b"first")
    changes: list[str] = []
    watched = WatchedFile(path, state_of(path), lambda: changes.append("changed"))
    path.with_suffix(".json").write_text("{}")
    watched.poll()
    watched.poll()
    assert changes == ["changed"]
    path.unlink()
    for _ in range(3):
        watched.poll()
    assert changes == ["changed"]
    path.write_bytes(b"back")
    watched.poll()
    watched.poll()
    assert changes == ["changed", "changed"]


def test_an_error_of_one_network_does_not_stop_the_polling(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    changes: list[str] = []

    def fail() -> None:
        changes.append("failed")
        raise RuntimeError("from the library")

    files = []
    for name, changed in (("a.pb", fail), ("b.pb", lambda: changes.append("b"))):
        path = tmp_path / name
        known = state_of(path)
        path.write_bytes(b"new")
        files.append(WatchedFile(path, known, changed))
    with caplog.at_level(logging.ERROR):
        watcher = Watcher(files, 0.01)
        until(lambda: len(changes) == 2)
        watcher.close()
    assert changes == ["failed", "b"]
    assert "could not be loaded" in caplog.text
