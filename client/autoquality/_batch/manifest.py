"""The manifest: one JSON object a line for each file that was processed.

Lines are only added. The last line of a source is the valid one. A file is complete before its
line is written, so a line without its file does not occur, and a file without its line is
processed again. docs/batch.md describes the keys.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self, TypeAlias

from google.protobuf.json_format import MessageToDict

from autoquality._batch.storage import StorageError
from autoquality._cli.errors import Failure
from autoquality._errors import AutoQualityError
from autoquality._options import EncodeOptions
from autoquality._request import encode_request
from autoquality._results import Encoded

Record: TypeAlias = dict[str, Any]

_LINE_BYTES = 4096
_TAIL_BYTES = 2**16


class ManifestError(Failure):
    """The manifest cannot be used. The text says why."""


class Manifest:
    """The manifest of one run, as a context manager. Locked against other runs.

    Some 120 bytes of memory a source: the position of its last line. Reading and appending may
    go on in different threads.
    """

    def __init__(self, path: Path) -> None:
        """Open or create the manifest, remove a torn last line, and read all others.

        Raises ManifestError.
        """
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o666)
        except OSError as error:
            raise ManifestError(f"cannot open {path}: {error.strerror}") from error
        try:
            self._lock()
            self._end = self._repaired_end()
            self._positions = {key: start for key, start, _ in self._lines()}
        except OSError as error:
            self.close()
            raise ManifestError(f"cannot use {path}: {error.strerror}") from error
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Release the lock."""
        os.close(self._file)

    def latest(self, source: str) -> Record | None:
        """Return the last line of a source. Raises ManifestError."""
        start = self._positions.get(_key(source))
        if start is None:
            return None
        line = b""
        try:
            while b"\n" not in line:
                line += os.pread(self._file, _LINE_BYTES, start + len(line))
        except OSError as error:
            raise ManifestError(f"cannot read {self.path}: {error.strerror}") from error
        record: Record = json.loads(line.partition(b"\n")[0])
        return record if record["source"] == source else None  # two sources with one key

    def append(self, record: Record) -> None:
        """Add a line. Raises ManifestError, and then the manifest is as before."""
        data = json.dumps(record, separators=(",", ":")).encode() + b"\n"
        try:
            written = os.write(self._file, data)
            while written < len(data):
                written += os.write(self._file, data[written:])
        except OSError as error:
            os.ftruncate(self._file, self._end)
            raise ManifestError(f"cannot write {self.path}: {error.strerror}") from error
        self._positions[_key(record["source"])] = self._end
        self._end += len(data)

    def records(self) -> Iterator[Record]:
        """Yield the valid line of each source, in the order of writing."""
        for key, start, record in self._lines():
            if self._positions[key] == start:
                yield record

    def _lock(self) -> None:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ManifestError(
                f"another run uses {self.path}: wait for its end, or choose another manifest "
                "with --manifest"
            ) from error

    def _repaired_end(self) -> int:
        """Remove what a killed run wrote of its last line, and return the size."""
        size = os.fstat(self._file).st_size
        end = size
        while end > 0:
            start = max(0, end - _TAIL_BYTES)
            found = os.pread(self._file, end - start, start).rfind(b"\n")
            if found >= 0:
                end = start + found + 1
                break
            end = start
        if end < size:
            os.ftruncate(self._file, end)
        return end

    def _lines(self) -> Iterator[tuple[int, int, Record]]:
        """Yield the key of the source, the position and the content of each line."""
        start = 0
        with self.path.open("rb") as file:
            for number, line in enumerate(file, 1):
                try:
                    record = json.loads(line)
                    key = _key(record["source"])
                except (ValueError, TypeError, KeyError) as error:
                    raise ManifestError(
                        f"line {number} of {self.path} is not from a manifest: delete the line, "
                        "and its file will be processed again"
                    ) from error
                yield key, start, record
                start += len(line)


def _key(source: str) -> int:
    digest = hashlib.blake2b(source.encode(errors="surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big")


def described(options: EncodeOptions) -> dict[str, Any]:
    """Return the options of an encoding as JSON: the fields of the request that are set.

    Raises ValueError for options that contradict each other.
    """
    return MessageToDict(encode_request(options), preserving_proto_field_name=True)


def done(about: Record, source_bytes: int, encoded: Encoded, output: str, server: str) -> Record:
    """Return the line of a file that was encoded and written."""
    return {
        **about,
        "ok": True,
        "outcome": encoded.outcome,
        "source_bytes": source_bytes,
        "output": output,
        "size_bytes": encoded.size_bytes,
        "format": encoded.format,
        "quality": encoded.quality,
        "dssim": encoded.dssim,
        "ssimulacra2": encoded.ssimulacra2,
        "notices": [notice.code for notice in encoded.notices],
        "seconds": round(encoded.timings.total, 3),
        "server": server,
        "request_id": encoded.request_id,
        "finished": _now(),
    }


def failed(about: Record, source_bytes: int, error: AutoQualityError | StorageError) -> Record:
    """Return the line of a file that failed."""
    call = error if isinstance(error, AutoQualityError) else None
    return {
        **about,
        "ok": False,
        "outcome": "failed",
        "source_bytes": source_bytes,
        "error": str(error),
        "code": call.code.name if call else "STORAGE",
        "reason": call and call.reason,
        "request_id": call and call.request_id,
        "finished": _now(),
    }


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
