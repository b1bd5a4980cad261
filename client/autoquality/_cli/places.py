"""Which files to encode, and where each result goes."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from autoquality._enums import Format

STANDARD = "-"
"""The file name that means standard input or output."""

# What is taken for an image in a folder; a file that is named is always tried.
_SUFFIXES = frozenset(
    {
        *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".apng", ".webp", ".avif"),
        *(".heic", ".heif", ".gif", ".tif", ".tiff", ".jxl"),
    }
)
_FORMATS = {
    **dict.fromkeys((".jpg", ".jpeg", ".jpe", ".jfif"), Format.JPEG),
    **dict.fromkeys((".png", ".apng"), Format.PNG),
    ".webp": Format.WEBP,
    ".avif": Format.AVIF,
}


class OutputError(Exception):
    """A result that may not be written where it would go; the text says why."""


@dataclass(frozen=True, slots=True)
class Source:
    """One image to encode; `path` is None for standard input.

    `relative` is its place in the folder that was named, for the same place in
    the output folder.
    """

    path: Path | None
    relative: Path

    @property
    def name(self) -> str:
        """What to call it in messages."""
        return STANDARD if self.path is None else str(self.path)

    @property
    def likely_format(self) -> Format | None:
        """What its name says it is, None where that is no format to write."""
        return format_of(self.relative)


def format_of(path: Path) -> Format | None:
    """What a file's name says it is, None where that is no format to write."""
    return _FORMATS.get(path.suffix.lower())


def find_sources(named: Sequence[str], skip: Path | None) -> Iterator[Source]:
    """Every image named, folders walked in order of names.

    Hidden files and folders are left out, and so is the folder `skip`.
    """
    for name in named:
        path = Path(name)
        if name == STANDARD:
            yield Source(None, Path("stdin"))
        elif path.is_dir():
            yield from _walk(path, skip)
        else:
            yield Source(path, Path(path.name))


def _walk(root: Path, skip: Path | None) -> Iterator[Source]:
    for folder, folders, files in os.walk(root):
        here = Path(folder)
        folders[:] = sorted(
            name
            for name in folders
            if not name.startswith(".") and not (skip and _same(here / name, skip))
        )
        for name in sorted(files):
            path = here / name
            if path.suffix.lower() in _SUFFIXES and not name.startswith("."):
                yield Source(path, path.relative_to(root))


@dataclass(frozen=True, slots=True)
class Destination:
    """Where results go: a file, a folder, or (neither) beside each source."""

    file: Path | None = None
    folder: Path | None = None

    def path_for(self, source: Source, format: Format) -> Path:
        """The file for `source` written in `format`.

        A name that already ends as such a file does keeps its end.
        """
        if self.file:
            return self.file
        place = source.relative if self.folder else (source.path or source.relative)
        if format_of(place) is not format:
            place = place.with_suffix(format.suffix)
        return self.folder / place if self.folder else place


class Claims:
    """Which output belongs to which source; thread-safe."""

    def __init__(self, destination: Destination, *, force: bool) -> None:
        self._destination = destination
        self._force = force
        self._owners: dict[Path, Source] = {}
        self._lock = threading.Lock()

    def claim(self, source: Source, format: Format) -> Path:
        """The file for `source` in `format`, from now on nobody else's.

        Raises OutputError if it is another source's already, if it exists and
        may not be overwritten, or if it is the source itself and was not named.
        """
        path = self._destination.path_for(source, format)
        with self._lock:
            owner = self._owners.setdefault(path.absolute(), source)
        if owner is not source:
            raise OutputError(f"{path} is already the result of {owner.name}")
        beside = self._destination == Destination()
        if source.path and beside and _same(path, source.path):
            raise OutputError("would overwrite the source: name an output with -o")
        if path.exists() and not self._force:
            raise OutputError(f"{path} exists: --force overwrites it")
        return path


def _same(one: Path, other: Path) -> bool:
    return one.exists() and other.exists() and one.samefile(other)
