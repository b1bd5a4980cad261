"""Programs with a search of their own, from Debian.

The time that a program takes to start is measured and subtracted, because a service would use it
as a library. Reading the source and writing the result count, as for every tool.
"""

from __future__ import annotations

import math
import re
import statistics
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from autoquality_core.types import Method
from bench.clock import CommandFailed, Spent, command
from bench.compare.task import Entry, Task
from bench.record.machine import ROOT

FOLDER = ROOT / ".tools" / "rivals" / "bin"
"""The folder that tools/install-rivals.sh fills."""

STARTS = 5
GUETZLI_LARGEST = 0.3
"""Megapixels; guetzli takes a minute and more for each megapixel."""

Words = Callable[[Task, str], Sequence[str]]
"""The arguments of a program for a task and an output file."""


class Command:
    """One program with one set of arguments."""

    own_encoder = True

    def __init__(
        self,
        name: str,
        program: Path,
        idle: Sequence[str],
        words: Words,
        fits: Callable[[Task], bool],
    ) -> None:
        """`idle` are arguments with which the program does nothing."""
        self.name = name
        self.program = program
        self._words = words
        self._fits = fits
        start = [command([str(program), *idle], allowed=(0, 1)) for _ in range(STARTS)]
        self._start = Spent(
            statistics.median(one.cpu for one in start),
            statistics.median(one.wall for one in start),
        )

    def enters(self, task: Task) -> bool:
        return self._fits(task)

    def encode(self, task: Task) -> Entry:
        out = task.subject.folder / "out"
        out.unlink(missing_ok=True)
        spent = command([str(self.program), *self._words(task, str(out))])
        less = Spent(max(spent.cpu - self._start.cpu, 0.0), max(spent.wall - self._start.wall, 0.0))
        return Entry(out.read_bytes(), less)


def _by_size(*settings: str) -> Callable[[Task], bool]:
    return lambda task: task.by_size and task.setting in settings


def _jpegoptim(task: Task, out: str) -> Sequence[str]:
    # It reads only JPEG, its budget is in kilobytes, and it writes in place or to stdout.
    size = f"--size={int(task.resolved.target // 1024)}"
    script = 'exec "$0" --quiet --strip-all --stdout "$1" "$2" >"$3"'
    return ["-c", script, str(FOLDER / "jpegoptim"), size, task.subject.jpeg_file, out]


def _convert(task: Task, out: str) -> Sequence[str]:
    return [task.subject.file, "-define", f"jpeg:extent={int(task.resolved.target)}", f"jpg:{out}"]


def _cwebp_size(task: Task, out: str) -> Sequence[str]:
    return ["-quiet", "-size", str(int(task.resolved.target)), task.subject.file, "-o", out]


def _cwebp_psnr(task: Task, out: str) -> Sequence[str]:
    return ["-quiet", "-psnr", f"{psnr_of(task):.2f}", task.subject.file, "-o", out]


def psnr_of(task: Task) -> float:
    """The PSNR for the target DSSIM of a task, which is the same for every image.

    cwebp has no DSSIM, so its users have to guess a PSNR.
    """
    return PSNR_FOR[min(PSNR_FOR, key=lambda dssim: abs(dssim - task.resolved.target))]


PSNR_FOR = {0.005: 45.4, 0.01: 42.0, 0.02: 37.5, 0.04: 34.6}
"""The median PSNR (of YUV planes, by cwebp) of photographs by their DSSIM."""


def _guetzli(task: Task, out: str) -> Sequence[str]:
    # 84 is its lowest quality.
    return ["--quality", "84", task.subject.file, out]


def _some(count: int, fits: Callable[[Task], bool]) -> Callable[[Task], bool]:
    """As `fits`, but only for the first `count` images."""
    seen: list[str] = []

    def some(task: Task) -> bool:
        if not fits(task):
            return False
        if task.subject.digest not in seen and len(seen) < count:
            seen.append(task.subject.digest)
        return task.subject.digest in seen

    return some


def _dssim(setting: str, most: float = math.inf) -> Callable[[Task], bool]:
    """Tasks with a DSSIM target by a setting, for images of at most so many megapixels."""
    return lambda task: (
        task.resolved.method is Method.DSSIM
        and task.setting == setting
        and task.subject.megapixels <= most
    )


def commands(folder: Path = FOLDER, guetzli_images: int = 3) -> list[Command]:
    """All programs. Raises CommandFailed if one is missing."""
    missing = [name for name in PROGRAMS if not (folder / name).is_file()]
    if missing:
        raise CommandFailed(f"{', '.join(missing)}: not in {folder}; run `make rivals`")
    shell = Path("/bin/sh")
    return [
        Command(
            "jpegoptim --size", shell, ["-c", f'exec "{folder}/jpegoptim" --version'],
            _jpegoptim, lambda task: _by_size("jpeg")(task) and task.resolved.target >= 1024,
        ),
        Command(
            "ImageMagick jpeg:extent", folder / "convert", ["-version"],
            _convert, _by_size("jpeg"),
        ),
        Command("cwebp -size", folder / "cwebp", ["-version"], _cwebp_size, _by_size("webp")),
        Command(
            "cwebp -psnr", folder / "cwebp", ["-version"],
            _cwebp_psnr, _dssim("webp"),
        ),
        Command(
            "guetzli", folder / "guetzli", [],
            _guetzli, _some(guetzli_images, _dssim("jpeg-mozjpeg", GUETZLI_LARGEST)),
        ),
    ]  # fmt: skip


PROGRAMS: Mapping[str, tuple[str, ...]] = {
    "jpegoptim": ("--version",),
    "convert": ("-version",),
    "cwebp": ("-version",),
    "guetzli": (),
}


def program_versions(folder: Path = FOLDER) -> dict[str, str]:
    """The versions that the programs print; guetzli prints none."""
    found = {}
    for name, arguments in PROGRAMS.items():
        if arguments:
            done = subprocess.run(
                [str(folder / name), *arguments], capture_output=True, text=True, check=False
            )
            version = re.search(r"\d+\.\d[\w.-]*", done.stdout + done.stderr)
            found[name] = version.group() if version else "unknown"
    return found
