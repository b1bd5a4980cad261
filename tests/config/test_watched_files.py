"""Changes of files are detected at once, or once they have settled."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from autoquality_server.config.watched_files import WatchedFiles


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file that was changed a minute ago."""
    path = tmp_path / "file"
    write(path, "old", age=60)
    return path


def write(path: Path, text: str, *, age: float) -> None:
    """Write in place, as if so many seconds ago."""
    path.write_text(text)
    changed = time.time() - age
    os.utime(path, (changed, changed))


def test_a_file_that_stays_the_same_has_not_changed(file: Path) -> None:
    files = WatchedFiles([file])
    assert not files.changed()
    assert not files.settled()


def test_a_change_is_reported_once(file: Path) -> None:
    files = WatchedFiles([file])
    write(file, "new", age=30)
    assert [files.changed(), files.changed()] == [True, False]


def test_a_recent_change_is_reported_again_as_another_may_have_the_same_time(file: Path) -> None:
    files = WatchedFiles([file])
    write(file, "new", age=0)
    assert [files.changed(), files.changed()] == [True, True]
    write(file, "new", age=30)
    assert [files.changed(), files.changed()] == [True, False]


def test_a_file_may_have_changed_since_it_was_written_just_before(file: Path) -> None:
    write(file, "new", age=0)
    assert WatchedFiles([file]).changed()


def test_each_of_several_files_counts_and_so_do_missing_ones(file: Path) -> None:
    other = file.with_name("other")
    files = WatchedFiles([file, other])
    write(other, "new", age=30)
    assert [files.changed(), files.changed()] == [True, False]
    other.unlink()
    assert [files.changed(), files.changed()] == [True, False]


def test_a_replaced_file_has_changed_even_if_its_time_and_size_are_the_same(file: Path) -> None:
    files = WatchedFiles([file])
    copy = file.with_name("copy")
    copy.write_text("own")
    times = file.stat()
    os.utime(copy, ns=(times.st_atime_ns, times.st_mtime_ns))
    copy.replace(file)
    assert files.changed()


def test_a_change_has_settled_once_two_calls_find_the_same(file: Path) -> None:
    files = WatchedFiles([file])
    write(file, "half", age=0)
    assert not files.settled()
    write(file, "half and whole", age=0)
    assert not files.settled()
    assert files.settled()
    assert not files.settled()
