"""Kernels compile on every processor, with and without a folder for their machine code."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
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


@dataclass(frozen=True)
class Compiled:
    """A folder with the machine code of the kernels, and the DSSIM that they measured."""

    folder: Path
    value: str
    path: Path

    def copied_to(self, folder: Path) -> Path:
        """Copy the folder. Returns where the machine code is in the copy."""
        shutil.copytree(self.folder, folder, dirs_exist_ok=True)
        return folder / self.path.relative_to(self.folder)


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Compiled:
    folder = tmp_path_factory.mktemp("compiled")
    value, path = run(NUMBA_CACHE_DIR=str(folder))
    return Compiled(folder, value, Path(path))


def test_numba_cache_dir_keeps_the_machine_code(compiled: Compiled) -> None:
    """Both kernels of the metric are stored there."""
    assert float(compiled.value) > 0.49
    assert compiled.path.is_relative_to(compiled.folder)
    assert len(list(compiled.path.glob("*.nbc"))) == 2


@pytest.mark.parametrize("wide", [False, True])
def test_code_for_other_processors_measures_the_same(
    compiled: Compiled, tmp_path: Path, wide: bool
) -> None:
    """Vectors of 128 or 256 bits instead of 512 change rounding only."""
    features = codegen.get_host_cpu_features() if wide else ""
    name = {} if wide else {"NUMBA_CPU_NAME": "generic"}
    other, _ = run(NUMBA_CACHE_DIR=str(tmp_path), NUMBA_CPU_FEATURES=features, **name)
    assert float(other) == pytest.approx(float(compiled.value), abs=1e-7)


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
def test_a_damaged_cache_is_replaced(compiled: Compiled, tmp_path: Path, suffix: str) -> None:
    """A truncated index or body is compiled again."""
    path = compiled.copied_to(tmp_path)
    stored = list(path.glob(f"*.{suffix}"))
    assert stored
    for file in stored:
        file.write_bytes(file.read_bytes()[:10])
    assert run(NUMBA_CACHE_DIR=str(tmp_path)) == [compiled.value, str(path)]


def test_kernels_work_when_the_cache_cannot_be_written(compiled: Compiled, tmp_path: Path) -> None:
    """A full disk makes storing fail."""
    path = compiled.copied_to(tmp_path)
    for file in path.iterdir():
        # A folder in the place of a file can be neither read nor replaced.
        file.unlink()
        file.mkdir()
    assert run(NUMBA_CACHE_DIR=str(tmp_path)) == [compiled.value, str(path)]
