"""The manifest survives a kill at any moment, and belongs to one run at a time."""

from __future__ import annotations

import errno
import fcntl
import os
import resource
from pathlib import Path

import pytest

from autoquality._batch.manifest import Manifest, ManifestError
from tests.batch.conftest import lines

FIRST = {"source": "file:///a.png", "ok": True}
SECOND = {"source": "file:///é.png", "ok": False}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "new" / "manifest.jsonl"
    with Manifest(path) as manifest:
        manifest.append(FIRST)
        manifest.append(SECOND)
    return path


def test_a_last_line_torn_at_any_byte_is_removed_and_its_file_is_due_again(path: Path) -> None:
    whole = path.read_bytes()
    first = whole.index(b"\n") + 1
    for end in range(first, len(whole)):
        path.write_bytes(whole[:end])
        with Manifest(path) as manifest:
            assert manifest.latest(FIRST["source"]) == FIRST
            assert manifest.latest(SECOND["source"]) is None
            manifest.append(SECOND)
        assert path.read_bytes() == whole


def test_a_first_line_without_its_end_leaves_an_empty_manifest(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:10])
    with Manifest(path) as manifest:
        assert list(manifest.records()) == []
    assert path.read_bytes() == b""


def test_a_torn_line_longer_than_the_block_that_is_searched_is_removed(path: Path) -> None:
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"source":"' + b"x" * 200_000)
    with Manifest(path) as manifest:
        assert list(manifest.records()) == [FIRST, SECOND]
    assert path.read_bytes() == whole


def test_the_last_line_of_a_source_is_the_valid_one(path: Path) -> None:
    newer = {**FIRST, "ok": False, "error": "x" * 10_000}
    with Manifest(path) as manifest:
        manifest.append(newer)
        assert manifest.latest(FIRST["source"]) == newer
    with Manifest(path) as manifest:
        assert manifest.latest(FIRST["source"]) == newer
        assert list(manifest.records()) == [SECOND, newer]
    assert lines(path) == [FIRST, SECOND, newer]


def test_a_system_without_locks_is_an_error_of_the_manifest(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(ManifestError, match=f"cannot use {path}: No locks available"):
        Manifest(path)


def test_a_second_run_on_the_same_manifest_is_refused(path: Path) -> None:
    with Manifest(path), pytest.raises(ManifestError, match="another run uses"):
        Manifest(path)
    Manifest(path).close()


@pytest.mark.parametrize("foreign", [b"hello\n", b"[1]\n", b'{"name":"x"}\n', b"\0\0\n"])
def test_a_line_of_another_kind_is_named(path: Path, foreign: bytes) -> None:
    path.write_bytes(path.read_bytes() + foreign)
    with pytest.raises(ManifestError, match=r"line 3 of .* delete the line"):
        Manifest(path)


def test_a_line_that_does_not_fit_the_disk_leaves_no_part(path: Path) -> None:
    whole = path.read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with Manifest(path) as manifest:
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(whole) + 10, hard))
        try:
            with pytest.raises(ManifestError, match="cannot write"):
                manifest.append({"source": "x" * 1000})
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert path.read_bytes() == whole
        assert manifest.latest("x" * 1000) is None


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(ManifestError, match=r"cannot open .*manifest"):
        Manifest(tmp_path / "file" / "manifest")
