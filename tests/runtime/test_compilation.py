"""Kernels compile on every processor, with and without a folder for their machine code."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from numba.core import codegen

PROGRAM = """
import numpy as np
from autoquality_core.metrics.dssim.reference import Reference, cache_folder

noise = np.random.default_rng(0).integers(0, 256, (1, 1, 60, 90), np.uint8)
print(Reference(noise).dssim(~noise))
print(cache_folder())
"""


def run(**environment: str) -> list[str]:
    """The words that PROGRAM prints in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    return done.stdout.split()


def test_numba_cache_dir_keeps_the_machine_code(tmp_path: Path) -> None:
    """Both kernels of the metric are stored there."""
    value, path = run(NUMBA_CACHE_DIR=str(tmp_path))
    assert float(value) > 0.49
    assert Path(path).is_relative_to(tmp_path)
    assert len(list(Path(path).glob("*.nbc"))) == 2


@pytest.mark.parametrize("wide", [False, True])
def test_code_for_other_processors_measures_the_same(tmp_path: Path, wide: bool) -> None:
    """Vectors of 128 or 256 bits instead of 512 change rounding only."""
    features = codegen.get_host_cpu_features() if wide else ""
    name = {} if wide else {"NUMBA_CPU_NAME": "generic"}
    usual, _ = run(NUMBA_CACHE_DIR=str(tmp_path / "usual"))
    other, _ = run(NUMBA_CACHE_DIR=str(tmp_path / "other"), NUMBA_CPU_FEATURES=features, **name)
    assert float(other) == pytest.approx(float(usual), abs=1e-7)


def test_kernels_work_without_a_writable_folder(tmp_path: Path) -> None:
    """They compile in memory."""
    blocked = tmp_path / "file"
    blocked.touch()
    value, path = run(
        NUMBA_CACHE_DIR=str(blocked), NUMBA_CACHE_LOCATOR_CLASSES="UserProvidedCacheLocator"
    )
    assert float(value) > 0.49
    assert path == "None"


@pytest.mark.parametrize("suffix", ["nbi", "nbc"])
def test_a_damaged_cache_is_replaced(tmp_path: Path, suffix: str) -> None:
    """A truncated index or body is compiled again."""
    value, path = run(NUMBA_CACHE_DIR=str(tmp_path))
    stored = list(Path(path).glob(f"*.{suffix}"))
    assert stored
    for file in stored:
        file.write_bytes(file.read_bytes()[:10])
    assert run(NUMBA_CACHE_DIR=str(tmp_path)) == [value, path]


def test_kernels_work_when_the_cache_cannot_be_written(tmp_path: Path) -> None:
    """A full disk makes storing fail."""
    value, path = run(NUMBA_CACHE_DIR=str(tmp_path))
    for file in Path(path).iterdir():
        # A folder in the place of a file can be neither read nor replaced.
        file.unlink()
        file.mkdir()
    assert run(NUMBA_CACHE_DIR=str(tmp_path)) == [value, path]
