"""Labelling continues after any interruption."""

from __future__ import annotations

import errno
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.repo.training.helpers import corpus, run
from tests.waiting import LIMIT, until

SAMPLES = 12
FEW = ("--settings", "webp", "--qualities", "some")
START = 4 * LIMIT
"""Seconds for the command and its processes to start and to make sweeps."""


def label(folder: Path, out: Path, *options: str) -> list[str]:
    return [
        *(sys.executable, "-m", "autoquality_train", "label", str(folder), "--out", str(out)),
        *("--settings", "webp,avif", "--jobs", "2", *options),
    ]


def started(command: list[str]) -> subprocess.Popen[str]:
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)


def children(process: int) -> list[int]:
    output = Path(f"/proc/{process}/task/{process}/children").read_text()
    return [int(child) for child in output.split()]


def alive(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def labels(out: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in out.glob("*.npz")}


def counts(output: str) -> tuple[int, int]:
    found = re.search(r"(\d+) sweeps made, (\d+) existed", output)
    assert found, output
    return int(found[1]), int(found[2])


def test_labels_survive_a_kill_and_are_not_made_again(tmp_path: Path) -> None:
    folder, out = corpus(tmp_path / "corpus", width=96, height=80), tmp_path / "sweeps"
    process = started(label(folder, out))
    until(lambda: len(labels(out)) >= 3, within=START)
    workers = children(process.pid)
    process.kill()
    process.communicate(timeout=60)
    until(lambda: not any(alive(worker) for worker in workers))
    survived = labels(out)
    assert len(workers) >= 2
    assert 3 <= len(survived) < 2 * SAMPLES

    done = subprocess.run(label(folder, out), capture_output=True, text=True, check=True)
    assert counts(done.stderr) == (2 * SAMPLES - len(survived), len(survived))
    assert labels(out).items() >= survived.items()
    assert len(labels(out)) == 2 * SAMPLES


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_prints_one_line_and_keeps_labels(
    number: signal.Signals, tmp_path: Path
) -> None:
    folder, out = corpus(tmp_path / "corpus", width=96, height=80), tmp_path / "sweeps"
    process = started(label(folder, out))
    until(lambda: labels(out), within=START)
    if number == signal.SIGINT:
        os.killpg(process.pid, number)
    else:
        process.send_signal(number)
    _, output = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "interrupted; run the same command again" in output
    assert "Traceback" not in output
    assert "0 samples failed" in output
    assert not any(out.glob(".*"))


def test_labelling_ends_when_labels_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    folder, out = corpus(tmp_path / "corpus", 1), tmp_path / "sweeps"
    monkeypatch.setattr(np, "savez", full)
    done = run("label", str(folder), "--out", str(out), "--jobs", "1", *FEW)
    assert done.exit_code == 1
    assert re.search(r"\.npz: No space left on device; when this is solved", done.output)
    assert "0 sweeps made, 0 existed, 0 samples failed" in done.output


def test_a_full_disk_is_reported_before_samples_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A write to memory without room on the disk would kill the process."""

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    folder, out = corpus(tmp_path / "corpus", 1), tmp_path / "networks"
    monkeypatch.setattr(os, "posix_fallocate", full)
    done = run("train", str(folder), "--sweeps", str(folder), "--out", str(out))
    assert done.exit_code == 1
    assert "mosaics.npy: No space left on device" in " ".join(done.output.split())
    assert not list(out.iterdir())


def test_names_that_are_not_utf_8_are_read(tmp_path: Path) -> None:
    folder = corpus(tmp_path / "corpus", 1)
    (folder / "photos" / "astronaut.png").rename(folder / "photos" / "caf\udce9.png")
    done = run("label", str(folder), "--out", str(tmp_path / "sweeps"), "--jobs", "1", *FEW)
    assert done.exit_code == 0, done.output
    assert "2 sweeps made" in done.output


def test_unusable_files_are_listed_and_skipped(tmp_path: Path) -> None:
    folder = corpus(tmp_path / "corpus", 1)
    (folder / "photos" / "broken.png").write_bytes(b"no image")
    whole = (folder / "photos" / "astronaut.png").read_bytes()
    (folder / "photos" / "half.png").write_bytes(whole[: len(whole) // 2])
    done = subprocess.run(
        label(folder, tmp_path / "sweeps", "--qualities", "some"), capture_output=True, text=True
    )
    assert done.returncode == 0
    assert re.search(r"broken\.png: not a readable image", done.stderr)
    assert re.search(r"half\.png: .*cannot be decoded as PNG", done.stderr)
    assert counts(done.stderr) == (4, 0)
    assert "1 samples failed" in done.stderr
