"""Programs that search by themselves, as Debian ships them.

What a program takes to start (the loader, the libraries) is measured and
taken off: in a service it would be a library. Reading the source and writing
the result count, as they do for everybody.
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
from bench.compare.entrant import Entry
from bench.compare.task import Task
from bench.record.machine import ROOT

FOLDER = ROOT / ".tools" / "rivals" / "bin"
"""Where `make` has tools/install-rivals.sh put them."""

STARTS = 5
GUETZLI_LARGEST = 0.3
"""Megapixels; guetzli takes a minute and more for each."""

Words = Callable[[Task, str], Sequence[str]]
"""The command's words for a task, without the program, given where to write."""


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
        """`idle` are arguments that make the program end as soon as it has started."""
        self.name = name
        self.program = program
        self._words = words
        self._fits = fits
        start = [command([str(program), *idle], may_fail=(0, 1)) for _ in range(STARTS)]
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
    # It reads nothing but JPEG, counts in kilobytes, and writes beside or to stdout.
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
    """The PSNR that comes nearest to the DSSIM asked for, on the average photograph.

    cwebp knows no DSSIM: whoever wants one has to guess a PSNR, the same for
    every image.
    """
    return PSNR_FOR[min(PSNR_FOR, key=lambda dssim: abs(dssim - task.resolved.target))]


PSNR_FOR = {0.005: 45.4, 0.01: 42.0, 0.02: 37.5, 0.04: 34.6}
"""cwebp's PSNR (of its YUV planes) at a DSSIM, medians over photographs."""


def _guetzli(task: Task, out: str) -> Sequence[str]:
    # 84 is the lowest quality that it takes.
    return ["--quality", "84", task.subject.file, out]


def _some(count: int, fits: Callable[[Task], bool]) -> Callable[[Task], bool]:
    """As `fits`, for the first `count` images alone."""
    seen: list[str] = []

    def some(task: Task) -> bool:
        if not fits(task):
            return False
        if task.subject.digest not in seen and len(seen) < count:
            seen.append(task.subject.digest)
        return task.subject.digest in seen

    return some


def _dssim(setting: str, most: float = math.inf) -> Callable[[Task], bool]:
    """Goals in DSSIM by a setting, for images of up to so many megapixels."""
    return lambda task: (
        task.resolved.method is Method.DSSIM
        and task.setting == setting
        and task.subject.megapixels <= most
    )


def commands(folder: Path = FOLDER, guetzli_images: int = 3) -> list[Command]:
    """All of them. Raises CommandFailed where one is missing."""
    missing = [name for name in PROGRAMS if not (folder / name).is_file()]
    if missing:
        raise CommandFailed(f"{', '.join(missing)}: not in {folder}; run make rivals")
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
    """Versions as the programs tell them; guetzli tells none."""
    found = {}
    for name, arguments in PROGRAMS.items():
        if arguments:
            done = subprocess.run(
                [str(folder / name), *arguments], capture_output=True, text=True, check=False
            )
            told = re.search(r"\d+\.\d[\w.-]*", done.stdout + done.stderr)
            found[name] = told.group() if told else "unknown"
    return found
