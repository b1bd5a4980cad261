"""TensorFlow is imported when a network needs it, without its notices."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from autoquality_core.networks.tensorflow import without_notices
from tests.commands import python


def test_wrong_file_is_refused_without_tensorflow(tmp_path: Path) -> None:
    """A misspelled path is refused at once."""
    code = """
import sys
from pathlib import Path
from autoquality_core.networks import NetworkError, load
try:
    load(Path(sys.argv[1]))
except NetworkError as error:
    print(error, 'tensorflow' in sys.modules)
"""
    done = python(code, tmp_path / "missing.pb")
    assert (
        done.stdout == f"{tmp_path}/missing.pb: cannot be read: No such file or directory False\n"
    )


def test_a_missing_tensorflow_is_reported_in_one_line(tmp_path: Path) -> None:
    """An installation without TensorFlow cannot load frozen graphs."""
    path = tmp_path / "a.pb"
    path.write_bytes(b"\n\x03any")
    code = """
import sys
from pathlib import Path
sys.modules['tensorflow'] = None
from autoquality_core.networks import NetworkError, load
try:
    load(Path(sys.argv[1]))
except NetworkError as error:
    print(error)
"""
    done = python(code, path)
    assert done.stdout.startswith(f"{path}: TensorFlow cannot be imported"), done.stderr
    assert done.stdout.count("\n") == 1


def test_only_the_notices_are_dropped(capfd: pytest.CaptureFixture[str]) -> None:
    """All other lines reach standard error."""
    with without_notices():
        os.write(2, b"WARNING: All log messages before absl::InitializeLog() is called are ...\n")
        os.write(2, b"I0000 00:00:1795434538.368177   10081 port.cc:153] oneDNN ...\n")
        os.write(2, b"a library is missing\n")
    os.write(2, b"and later\n")
    assert capfd.readouterr().err == "a library is missing\nand later\n"


def test_an_exception_does_not_lose_output(capfd: pytest.CaptureFixture[str]) -> None:
    """Lines that were printed before it reach standard error."""

    def fail() -> None:
        with without_notices():
            os.write(2, b"cannot open shared object\n")
            raise ImportError

    with pytest.raises(ImportError):
        fail()
    assert capfd.readouterr().err == "cannot open shared object\n"
