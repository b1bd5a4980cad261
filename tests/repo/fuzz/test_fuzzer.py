"""The fuzzer starts, runs each target for a moment and finds nothing."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from fuzz.targets import NAMES
from tests.commands import ROOT

RUNS = {"encode": 20, "image": 300, "jxl": 500, "request": 500, "settings": 300}
"""Inputs of targets that take longer than a millisecond for one."""


def fuzz(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "fuzz", "--seed", "1", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=200,
    )


@pytest.mark.parametrize("name", NAMES)
def test_a_target_handles_its_first_inputs(name: str, tmp_path: Path) -> None:
    runs = RUNS.get(name, 2000)
    done = fuzz(name, "--runs", str(runs), "--out", str(tmp_path))
    assert done.returncode == 0, done.stderr[-4000:]
    assert f"Done {runs} runs" in done.stderr
    covered = re.findall(r"cov: (\d+)", done.stderr)
    assert int(covered[-1]) > 10, "nothing is instrumented"
    assert list((tmp_path / "corpus" / name).iterdir()), "nothing was learned"


def test_an_undocumented_error_is_reported(tmp_path: Path) -> None:
    """With a target that raises KeyError for every input."""
    broken = (
        "import sys, fuzz.targets as targets\n"
        "def run(data):\n"
        "    raise KeyError('undocumented')\n"
        "targets.load = lambda name: targets.Target(run)\n"
        f"sys.argv = ['fuzz', 'notation', '-runs=5', '-artifact_prefix={tmp_path}/']\n"
        "import fuzz.engine\n"
        "fuzz.engine.main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", broken], cwd=ROOT, capture_output=True, text=True, timeout=100
    )
    assert done.returncode != 0
    assert "KeyError: 'undocumented'" in done.stdout + done.stderr
    assert next(tmp_path.iterdir()).name.startswith("crash-")


def test_an_unknown_target_is_refused_with_a_list_of_all() -> None:
    done = fuzz("nonsense")
    assert done.returncode == 2
    assert "unknown targets: nonsense; known are request, encode" in done.stderr
