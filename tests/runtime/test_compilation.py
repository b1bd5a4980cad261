"""Loops compile on every processor, with and without a folder for their machine code."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import pyvips
from numba.core import codegen

from tests.photos import animation, crop, with_alpha

METRIC = """
import numpy as np
from autoquality_core.metrics.dssim.kernel import mean_dissimilarity
from autoquality_core.metrics.dssim.reference import Reference
from autoquality_core.runtime.compilation import kept_in

noise = np.random.default_rng(0).integers(0, 256, (1, 1, 60, 90), np.uint8)
print(Reference(noise).dssim(~noise))
print(kept_in(mean_dissimilarity))
"""

TWO_LOOPS = """
import numpy as np
from autoquality_core.runtime.compilation import compiled, kept_in

def _total(numbers):
    total = 0.0
    for number in numbers:
        total += number
    return total

def _largest(numbers):
    largest = 0.0
    for number in numbers:
        largest = max(largest, number)
    return largest

total, largest = compiled(_total), compiled(_largest)

if __name__ == "__main__":
    numbers = np.arange(5.0)
    print(total(numbers) / largest(numbers))
    print(kept_in(total))
"""

AFTER_WARM_UP = """
import gc, sys
from pathlib import Path
from numba.core.dispatcher import Dispatcher
import autoquality_core as aq
from autoquality_core.pipeline.pipeline import warm_up

def compiled():
    loops = [one for one in gc.get_objects() if isinstance(one, Dispatcher)]
    return {f"{one.py_func.__name__}{types}" for one in loops for types in one.signatures}

warm_up()
before = compiled()
assert before
for file in sys.argv[1:]:
    for output in ("webp", "jpeg"):
        aq.encode(Path(file).read_bytes(), output, target="high", measure=["dssim"])
print(*compiled() - before)
"""


def run(*program: str | Path, **environment: str) -> list[str]:
    """The words that a program prints in a process of its own."""
    done = subprocess.run(
        [sys.executable, *map(str, program)],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    return done.stdout.split()


@dataclass(frozen=True)
class Compiled:
    """A program, a folder with the machine code of its loops, and the value that they found."""

    program: Path
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
    program = tmp_path_factory.mktemp("program") / "two_loops.py"
    program.write_text(TWO_LOOPS)
    value, path = run(program, NUMBA_CACHE_DIR=str(folder))
    return Compiled(program, folder, value, Path(path))


def test_numba_cache_dir_keeps_the_machine_code(compiled: Compiled) -> None:
    """Both loops are stored there."""
    assert float(compiled.value) == 2.5
    assert compiled.path.is_relative_to(compiled.folder)
    assert len(list(compiled.path.glob("*.nbc"))) == 2


@pytest.fixture(scope="module")
def usual() -> float:
    """The metric of code for this processor."""
    return float(run("-c", METRIC)[0])


@pytest.mark.parametrize("wide", [False, True])
def test_code_for_other_processors_measures_the_same(
    tmp_path: Path, wide: bool, usual: float
) -> None:
    """Vectors of 128 or 256 bits instead of 512 change the rounding of the metric only."""
    features = codegen.get_host_cpu_features() if wide else ""
    name = {} if wide else {"NUMBA_CPU_NAME": "generic"}
    other, path = run(
        "-c", METRIC, NUMBA_CACHE_DIR=str(tmp_path), NUMBA_CPU_FEATURES=features, **name
    )
    assert Path(path).is_relative_to(tmp_path)
    assert usual > 0.49
    assert float(other) == pytest.approx(usual, abs=1e-7)


def test_loops_work_without_a_writable_folder(compiled: Compiled, tmp_path: Path) -> None:
    """They compile in memory."""
    blocked = tmp_path / "file"
    blocked.touch()
    found = run(
        compiled.program,
        NUMBA_CACHE_DIR=str(blocked),
        NUMBA_CACHE_LOCATOR_CLASSES="UserProvidedCacheLocator",
    )
    assert found == [compiled.value, "None"]


def test_a_damaged_cache_is_replaced(compiled: Compiled, tmp_path: Path) -> None:
    """A loop with a truncated index, and one with a truncated body, are compiled again."""
    path = compiled.copied_to(tmp_path)
    for loop, suffix in (("_total", "nbi"), ("_largest", "nbc")):
        (file,) = path.glob(f"*{loop}-*.{suffix}")
        file.write_bytes(file.read_bytes()[:10])
    found = run(compiled.program, NUMBA_CACHE_DIR=str(tmp_path))
    assert found == [compiled.value, str(path)]


def test_loops_work_when_the_cache_cannot_be_written(compiled: Compiled, tmp_path: Path) -> None:
    """A full disk makes storing fail."""
    path = compiled.copied_to(tmp_path)
    for file in path.iterdir():
        # A folder in the place of a file can be neither read nor replaced.
        file.unlink()
        file.mkdir()
    found = run(compiled.program, NUMBA_CACHE_DIR=str(tmp_path))
    assert found == [compiled.value, str(path)]


def test_no_loop_is_compiled_after_the_warm_up(tmp_path: Path) -> None:
    """The first request for each of these kinds of images is as fast as the next."""
    turned = pyvips.Image.new_from_buffer(crop("coffee.png", 96, 64), "").copy()
    turned.set_type(pyvips.GValue.gint_type, "orientation", 6)
    wide = pyvips.Image.new_from_buffer(crop("coffee.png", 96, 64), "").icc_transform("p3")
    files = {
        "alpha.png": with_alpha(),
        "film.gif": animation(),
        "grey.png": turned.colourspace("b-w").pngsave_buffer(),
        "turned.jpg": turned.jpegsave_buffer(),
        "turned-progressive.jpg": turned.jpegsave_buffer(interlace=True),
        "wide.png": wide.pngsave_buffer(),
        "wide-16.png": wide.colourspace("rgb16").pngsave_buffer(bitdepth=16),
    }
    row = pyvips.Image.new_from_buffer(crop("coffee.png", 30, 1), "")
    for orientation in range(2, 9):
        for kind, image in (("grey", turned.colourspace("b-w")), ("row", row)):
            other = image.copy()
            other.set_type(pyvips.GValue.gint_type, "orientation", orientation)
            files[f"{kind}-{orientation}.png"] = other.pngsave_buffer()
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    assert run("-c", AFTER_WARM_UP, *(tmp_path / name for name in files)) == []
