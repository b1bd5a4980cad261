"""The kernels compile wherever the server runs."""

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
from autoquality_server import dssim
from autoquality_server.dssim import kernel

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


@dataclass(frozen=True)
class Compiled:
    """A folder with the machine code of the kernels, and what they measured."""

    folder: Path
    value: str
    path: Path

    def copied_to(self, folder: Path) -> Path:
        """Copy the folder; gives where the machine code lies in the copy."""
        shutil.copytree(self.folder, folder, dirs_exist_ok=True)
        return folder / self.path.relative_to(self.folder)


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Compiled:
    folder = tmp_path_factory.mktemp("usual")
    value, path = run(NUMBA_CACHE_DIR=str(folder))
    return Compiled(folder, value, Path(path))


def test_machine_code_is_kept_where_numba_is_told(compiled: Compiled) -> None:
    """The code of both kernels is stored in NUMBA_CACHE_DIR."""
    assert float(compiled.value) > 0.49
    assert compiled.path.is_relative_to(compiled.folder)
    assert len(list(compiled.path.glob("*.nbc"))) == 2


@pytest.mark.parametrize("wide", [False, True])
def test_code_for_other_processors_measures_the_same(
    compiled: Compiled, tmp_path: Path, wide: bool
) -> None:
    """Vectors of 128 bits, and of 256 where the processor has more, change but rounding."""
    features = codegen.get_host_cpu_features() if wide else ""
    name = {} if wide else {"NUMBA_CPU_NAME": "generic"}
    other, _ = run(NUMBA_CACHE_DIR=str(tmp_path), NUMBA_CPU_FEATURES=features, **name)
    assert float(other) == pytest.approx(float(compiled.value), abs=1e-7)


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
def test_a_damaged_cache_is_no_obstacle(compiled: Compiled, tmp_path: Path, suffix: str) -> None:
    """Where stored machine code is cut short, index or body, it is made anew."""
    path = compiled.copied_to(tmp_path)
    stored = list(path.glob(f"*.{suffix}"))
    assert stored
    for file in stored:
        file.write_bytes(file.read_bytes()[:10])
    assert run(NUMBA_CACHE_DIR=str(tmp_path)) == [compiled.value, str(path)]


def test_a_cache_that_cannot_be_written_is_no_obstacle(compiled: Compiled, tmp_path: Path) -> None:
    """When storing the machine code fails, as on a full disk, the kernels work all the same."""
    path = compiled.copied_to(tmp_path)
    for file in path.iterdir():
        # With a folder in a file's place, reading and replacing it both fail.
        file.unlink()
        file.mkdir()
    assert run(NUMBA_CACHE_DIR=str(tmp_path)) == [compiled.value, str(path)]
