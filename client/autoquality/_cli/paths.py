"""The files to encode, and the path of each result."""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

from autoquality._enums import Format

STANDARD = "-"
"""The name of standard input and output."""

_FORMATS = {
    **{one.suffix: one for one in Format if one is not Format.UNKNOWN},
    **dict.fromkeys((".jpeg", ".jpe", ".jfif"), Format.JPEG),
    ".apng": Format.PNG,
}
# Suffixes of the images in a folder. A file that the user names needs none of them.
SUFFIXES = frozenset(_FORMATS) | {".heic", ".heif", ".gif", ".tif", ".tiff"}


_SHOWN_LINKS = 10


class OutputError(Exception):
    """A result cannot be written to its path. The text says why.

    `reason` is the text without the names of files, for counting.
    """

    def __init__(self, message: str, reason: str | None = None) -> None:
        super().__init__(message)
        self.reason = reason or message


def cannot_write(path: Path, error: OSError) -> OutputError:
    """Return the error of an output that the system refuses."""
    return OutputError(f"cannot write {path}: {error.strerror}", f"cannot write: {error.strerror}")


class OutputExists(OutputError):
    """The output of an image exists, perhaps as the image itself."""

    def __init__(self, path: Path, message: str, reason: str | None = None) -> None:
        super().__init__(message, reason)
        self.path = path


@dataclass(frozen=True, slots=True)
class Source:
    """One image to encode."""

    path: Path | None
    """None for standard input."""
    relative: Path
    """The path within the folder that the user named. The output folder uses it too."""

    @property
    def name(self) -> str:
        """The name for messages."""
        return STANDARD if self.path is None else str(self.path)


def format_of(path: PurePath) -> Format | None:
    """Return the format of the name's suffix, or None if the server does not write it."""
    return _FORMATS.get(path.suffix.lower())


def find_sources(named: Sequence[str], skip: Path | None, linked: list[Path]) -> Iterator[Source]:
    """Yield every named image, and the images in the named folders, sorted by name.

    Skips hidden files and folders, pipes and devices in folders, and the folder `skip`. Adds
    the links to folders, which it does not follow either, to `linked`.
    """
    for name in named:
        path = Path(name)
        if name == STANDARD:
            yield Source(None, Path("stdin"))
        elif path.is_dir():
            yield from _walk(path, skip, linked)
        else:
            yield Source(path, Path(path.name))


def _walk(root: Path, skip: Path | None, linked: list[Path]) -> Iterator[Source]:
    for folder, folders, files in os.walk(root):
        here = Path(folder)
        folders[:] = sorted(
            name
            for name in folders
            if not name.startswith(".") and not (skip and _same(here / name, skip))
        )
        linked += (here / name for name in folders if (here / name).is_symlink())
        for name in sorted(files):
            path = here / name
            if name.startswith(".") or path.suffix.lower() not in SUFFIXES:
                continue
            if _may_be_file(path):
                yield Source(path, path.relative_to(root))


def skipped_links(names: Sequence[object]) -> str:
    """Return a message about links to folders, one at least."""
    shown = ", ".join(map(str, names[:_SHOWN_LINKS]))
    more = " and others" if len(names) > _SHOWN_LINKS else ""
    folders = f"{len(names):,} linked folder{'s' * (len(names) > 1)}"
    return f"{folders}: {shown}{more}; to encode their images, name them"


def _may_be_file(path: Path) -> bool:
    """Whether a path is no pipe or device. What cannot be opened fails later, by its name."""
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except OSError:
        return True


@dataclass(frozen=True, slots=True)
class Destination:
    """Where results go: to a file, to a folder, or, with neither, next to each source."""

    file: Path | None = None
    folder: Path | None = None

    def path_for(self, source: Source, format: Format, *, follow: bool = False) -> Path:
        """Return the path of `source` in `format`. A suffix that fits the format stays.

        With `follow`, the suffix of an output file follows the format, too.
        """
        if self.file:
            fits = not follow or format_of(self.file) is format
            return self.file if fits else self.file.with_suffix(format.suffix)
        path = source.relative if self.folder else (source.path or source.relative)
        if format_of(path) is not format:
            path = path.with_suffix(format.suffix)
        return self.folder / path if self.folder else path


class OutputPaths:
    """Reserves an output path for each source. Thread-safe."""

    def __init__(self, destination: Destination, *, force: bool) -> None:
        self._destination = destination
        self._force = force
        self._owners: dict[Path, Source] = {}
        self._lock = threading.Lock()

    def existing(self, source: Source, formats: Sequence[Format]) -> OutputExists | None:
        """Return an error if the output of `source` in one of `formats` exists.

        Raises OutputError for a path that the system refuses.
        """
        for format in formats:
            path = self._destination.path_for(source, format, follow=True)
            if _exists(path) and not (source.path and _same(path, source.path)):
                return OutputExists(path, f"{path} exists")
        return None

    def reserve(self, source: Source, format: Format, *, follow: bool = False) -> Path:
        """Return the path of `source` in `format`, and reserve it.

        Raises OutputError if another source has reserved the path, if its suffix is that of
        another format, or if the system refuses it. Raises OutputExists if the file exists and may
        not be overwritten, or if the path is the source's own and the user did not name it.
        """
        path = self._destination.path_for(source, format, follow=follow)
        exists = _exists(path)
        with self._lock:
            owner = self._owners.setdefault(path.absolute(), source)
        unnamed = self._destination == Destination()
        if source.path and unnamed and _same(path, source.path):
            raise OutputExists(path, "would overwrite the source: choose an output with -o")
        if owner is not source:
            message = f"{path} is already the output of {owner.name}"
            if owner.path and _same(path, owner.path):  # which was not written, and exists
                raise OutputExists(path, message)
            raise OutputError(message, "the output is that of another source")
        if format_of(path) not in (None, format):
            raise OutputError(f"the result is {format}, so it cannot be named {path}")
        if exists and not self._force:
            what = "exists: use --force to overwrite it, or --skip-existing to skip it"
            raise OutputExists(path, f"{path} {what}", f"the output {what}")
        return path


def _exists(path: Path) -> bool:
    """Whether an output exists. Raises OutputError, such as for a name that is too long."""
    try:
        return path.exists()
    except OSError as error:
        raise cannot_write(path, error) from error


def _same(one: Path, other: Path) -> bool:
    return one.exists() and other.exists() and one.samefile(other)
