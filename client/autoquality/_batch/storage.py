"""Folders at fsspec URLs: local, S3, GCS, Azure and others."""

from __future__ import annotations

import hashlib
import os
import stat
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path, PurePosixPath
from typing import Any

from fsspec.core import url_to_fs
from fsspec.implementations.local import LocalFileSystem
from fsspec.utils import get_protocol

from autoquality._cli.errors import Failure
from autoquality._cli.paths import SUFFIXES, format_of
from autoquality._enums import Format
from autoquality._files import replace_file

_VERSIONS = ("ETag", "etag", "generation", "mtime", "LastModified", "last_modified", "created")
"""What file systems call the version or the time of a file, best first."""

_S3 = ("s3", "s3a")
_OBJECT_STORES = (*_S3, "gs", "gcs", "az", "abfs", "abfss", "adl", "oss", "oci")
"""Protocols without folders. Making one there would make a bucket."""


_LINKED_FOLDER = "linked directory"
"""The type of a link to a folder, in addition to those of fsspec."""


class StorageError(Failure):
    """A file or a folder cannot be read, listed or written. The text says why."""


@dataclass(frozen=True, slots=True)
class File:
    """A source file."""

    path: str
    """Its path in its file system."""
    url: str
    relative: str
    """Its path within the source folder, with "/"."""
    size: int
    version: str
    """Changes when the file is written. Empty if the file system has no such information."""
    namesake: bool
    """Whether another image of its folder has the same name without the suffix."""

    def output(self, format: Format) -> str:
        """Return the relative path of its result. A suffix that fits the format stays."""
        path = PurePosixPath(self.relative)
        if format_of(path) is format:
            return self.relative
        if self.namesake:
            return self.relative + format.suffix
        return str(path.with_suffix(format.suffix))


class Folder:
    """A folder at an fsspec URL. Its methods block, and may be called from several threads."""

    def __init__(self, url: str, connections: int) -> None:
        """Open a path or URL for that many threads. Raises StorageError."""
        options: dict[str, Any] = {"use_listings_cache": False}  # the cache is never emptied
        self._protocol = get_protocol(url)
        if self._protocol in _S3:
            options["config_kwargs"] = {"max_pool_connections": connections}
        try:
            self._files, path = url_to_fs(url, **options)
        except (ImportError, ValueError, OSError) as error:
            raise StorageError(f"cannot open {url}: {error}") from error
        self._path = str(path).rstrip("/")
        self.is_local = isinstance(self._files, LocalFileSystem)

    @property
    def url(self) -> str:
        """The full URL, without a slash at its end."""
        return self._url(self._path)

    @property
    def local_path(self) -> Path:
        """The path of a local folder."""
        return Path(self._path or "/")

    def is_same_as(self, other: Folder) -> bool:
        """Whether both are one folder, perhaps by a link."""
        return self._place(self._path) == other._place(other._path)

    def has(self, file: File, relative: str, origin: Folder) -> bool:
        """Whether a file of `origin` is the one with this name here."""
        return origin._place(file.path) == self._place(f"{self._path}/{relative}")

    def files(self, skip: Folder, linked: list[str]) -> Iterator[File]:
        """Yield the images, sorted by name. Holds one folder at a time in memory.

        Skips hidden files and folders, and the folder `skip`. Adds the URLs of links to folders,
        which it does not follow either, to `linked`. Raises StorageError.
        """
        try:
            info = self._files.info(self._path)
        except Exception as error:
            raise _failure("read", self.url, error) from error
        if info["type"] != "directory":
            parent = self._path.rpartition("/")[0]
            yield self._file(parent, info, namesake=False)
            return
        yield from self._walk(self._path, skip._place(skip._path), linked)

    def _walk(self, folder: str, skip: str, linked: list[str]) -> Iterator[File]:
        try:
            listed = self._list(folder)
        except Exception as error:
            raise _failure("list", self._url(folder), error) from error
        images, folders = [], []
        for info in listed:
            name = PurePosixPath(info["name"]).name
            if name.startswith(".") or info["name"].rstrip("/") == folder:
                continue  # hidden, or the marker that some stores keep of a folder
            if info["type"] in ("directory", _LINKED_FOLDER):
                folders.append((info["name"].rstrip("/"), info["type"]))
            elif PurePosixPath(name).suffix.lower() in SUFFIXES:
                images.append(info)
        stems = Counter(_stem(info) for info in images)
        for info in sorted(images, key=itemgetter("name")):
            yield self._file(self._path, info, namesake=stems[_stem(info)] > 1)
        del listed, images, stems  # before the folders within
        for inner, kind in sorted(folders):
            if self._place(inner) == skip:
                continue
            if kind == _LINKED_FOLDER:
                linked.append(self._url(inner))
            else:
                yield from self._walk(inner, skip, linked)

    def _list(self, folder: str) -> list[dict[str, Any]]:
        if not self.is_local:
            found: list[dict[str, Any]] = self._files.ls(folder, detail=True)
            return found
        # fsspec does not follow links to files for the time of their last change.
        found = []
        with os.scandir(folder or "/") as entries:
            for entry in entries:
                about: dict[str, Any] = {"name": entry.path, "type": "file"}
                try:
                    state = entry.stat()
                except OSError:  # such as a broken link: the file fails when it is read
                    found.append(about)
                    continue
                if stat.S_ISDIR(state.st_mode):
                    about["type"] = _LINKED_FOLDER if entry.is_symlink() else "directory"
                elif stat.S_ISREG(state.st_mode):
                    about |= {"size": state.st_size, "mtime": state.st_mtime_ns}
                else:
                    continue
                found.append(about)
        return found

    def _file(self, root: str, info: dict[str, Any], *, namesake: bool) -> File:
        path, size = info["name"], int(info.get("size") or 0)
        version = next((str(info[key]) for key in _VERSIONS if info.get(key)), "")
        return File(
            path=path,
            url=self._url(path),
            relative=path[len(root) :].lstrip("/"),
            size=size,
            version=version and f"{size}-{version.strip(chr(34))}",
            namesake=namesake,
        )

    def read(self, file: File) -> tuple[bytes, str]:
        """Return the bytes of a file, and their SHA-256. Raises StorageError."""
        try:
            data: bytes = self._files.cat_file(file.path)
        except Exception as error:
            raise _failure("read", file.url, error) from error
        return data, hashlib.sha256(data).hexdigest()

    def url_of(self, relative: str) -> str:
        """Return the URL of a file in the folder."""
        return self._url(f"{self._path}/{relative}")

    def write(self, relative: str, data: bytes) -> str:
        """Write a file and return its URL. Raises StorageError.

        A local file is renamed when it is complete, and an object is written by one upload. The
        file exists before this returns.
        """
        path = f"{self._path}/{relative}"
        if ".." in relative.split("/"):  # keys of objects may have it
            raise StorageError(f"will not write {path}: the name leads out of its folder")
        try:
            if self.is_local:
                _write(Path(path), data)
            else:
                self._put(path, data)
        except Exception as error:
            raise _failure("write", self._url(path), error) from error
        return self._url(path)

    def _put(self, path: str, data: bytes) -> None:
        try:
            self._files.pipe_file(path, data)
        except FileNotFoundError:
            if self._protocol in _OBJECT_STORES:
                raise
            self._files.makedirs(path.rpartition("/")[0], exist_ok=True)
            self._files.pipe_file(path, data)

    def _place(self, path: str) -> str:
        """Return the path without links, or the URL of a folder elsewhere."""
        return os.path.realpath(path or "/") if self.is_local else self._url(path)

    def _url(self, path: str) -> str:
        url: str = self._files.unstrip_protocol(path)
        return url


def _write(path: Path, data: bytes) -> None:
    """Write a local file, and make its folder.

    The temporary name depends only on the name. So a run that resumes removes what a killed one
    left there.
    """
    key = hashlib.blake2b(path.name.encode(errors="surrogateescape"), digest_size=12).hexdigest()
    temporary = f".{key}.tmp"
    try:
        replace_file(path, data, temporary)
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, data, temporary)


def _failure(action: str, url: str, error: Exception) -> StorageError:
    # Each file system has errors of its own kind: those of OSError have the shortest text.
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return StorageError(f"cannot {action} {url}: {text or type(error).__name__}")


def _stem(info: dict[str, Any]) -> str:
    return PurePosixPath(info["name"]).stem
