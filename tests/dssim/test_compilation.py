"""The kernels compile wherever the server runs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from numba.core import codegen

PROGRAM = """
import numpy as np
from autoquality_server import dssim
from autoquality_core.metrics.dssim import kernel

dssim.warm_up()
noise = np.random.default_rng(0).integers(0, 256, (1, 1, 60, 90), np.uint8)
print(dssim.compare(noise, ~noise))
print(kernel.mean_dissimilarity.__wrapped__.stats.cache_path)
"""


def run(**environment: str) -> list[str]:
    """What the program prints in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    return done.stdout.split()


def test_machine_code_is_kept_where_numba_is_told(tmp_path: Path) -> None:
    """The code of both kernels is stored in NUMBA_CACHE_DIR."""
    value, path = run(NUMBA_CACHE_DIR=str(tmp_path))
    assert float(value) > 0.49
    assert Path(path).is_relative_to(tmp_path)
    assert len(list(Path(path).glob("*.nbc"))) == 2


@pytest.mark.parametrize("wide", [False, True])
def test_code_for_other_processors_measures_the_same(tmp_path: Path, wide: bool) -> None:
    """Vectors of 128 bits, and of 256 where the processor has more, change but rounding."""
    features = codegen.get_host_cpu_features() if wide else ""
    name = {} if wide else {"NUMBA_CPU_NAME": "generic"}
    usual, _ = run(NUMBA_CACHE_DIR=str(tmp_path / "usual"))
    other, _ = run(NUMBA_CACHE_DIR=str(tmp_path / "other"), NUMBA_CPU_FEATURES=features, **name)
    assert float(other) == pytest.approx(float(usual), abs=1e-7)


def test_no_writable_folder_is_no_obstacle(tmp_path: Path) -> None:
    """With nowhere to store machine code the kernels compile in memory and work."""
    blocked = tmp_path / "file"
    blocked.touch()
    value, path = run(
        NUMBA_CACHE_DIR=str(blocked), NUMBA_CACHE_LOCATOR_CLASSES="UserProvidedCacheLocator"
    )
    assert float(value) > 0.49
    assert path == "None"


@pytest.mark.parametrize("suffix", ["nbi", "nbc"])
def test_a_damaged_cache_is_no_obstacle(tmp_path: Path, suffix: str) -> None:
    """Where stored machine code is cut short, index or body, it is made anew."""
    value, path = run(NUMBA_CACHE_DIR=str(tmp_path))
    stored = list(Path(path).glob(f"*.{suffix}"))
    assert stored
    for file in stored:
        file.write_bytes(file.read_bytes()[:10])
    assert run(NUMBA_CACHE_DIR=str(tmp_path)) == [value, path]


def test_a_cache_that_cannot_be_written_is_no_obstacle(tmp_path: Path) -> None:
    """When storing the machine code fails, as on a full disk, the kernels work all the same."""
    value, path = run(NUMBA_CACHE_DIR=str(tmp_path))
    for file in Path(path).iterdir():
        # With a folder in a file's place, reading and replacing it both fail.
        file.unlink()
        file.mkdir()
    assert run(NUMBA_CACHE_DIR=str(tmp_path)) == [value, path]
