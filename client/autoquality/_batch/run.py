"""One run: files from the source folder to the servers, results to the destination.

The listing goes no further ahead than the files in flight. Their number is limited, and so are
their bytes. Only the line in the manifest makes a file done.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TypeVar, TypeVarTuple

from autoquality._batch.manifest import Manifest, Record, described, done, failed
from autoquality._batch.servers import NoServersError, Servers
from autoquality._batch.storage import File, Folder, StorageError
from autoquality._cli.errors import Failure
from autoquality._enums import Format
from autoquality._errors import (
    AutoQualityError,
    CancelledError,
    InvalidImageError,
    InvalidRequestError,
    PermissionDeniedError,
    UnauthenticatedError,
    UnavailableError,
    UnimplementedError,
)
from autoquality._options import EncodeOptions

_T = TypeVar("_T")
_Ts = TypeVarTuple("_Ts")

_CHUNK = 500
"""Files that are listed and looked up at once."""

_COPIES = 4
"""Copies of a source in memory at the same time: as read, in the request, as sent, the result."""

_COMMON = (
    StorageError,
    InvalidRequestError,
    UnavailableError,
    CancelledError,
    UnauthenticatedError,
    PermissionDeniedError,
    UnimplementedError,
)
"""Failures whose cause may be the storage, the options or the servers, and not the file."""

MAX_COMMON_FAILURES = 50
"""Files in a row with such a failure, after which the run ends."""


@dataclass(frozen=True, slots=True)
class Job:
    """What to do, and how much of it at the same time."""

    source: Folder
    destination: Folder
    options: EncodeOptions
    retry_failed: bool
    in_flight: int
    """Files that are read, waiting, encoded or written."""
    memory: int
    """Bytes for files in flight."""
    connections: int
    """Files that are read or written at the same time."""


@dataclass(slots=True)
class Tally:
    """The state of a run. Other threads may read it at any time."""

    done: int = 0
    failed: int = 0
    skipped: int = 0
    """Files that earlier runs have processed, and that have not changed."""
    skipped_failed: int = 0
    """Those of them that failed."""
    source_bytes: int = 0
    """Of the files that are done."""
    size_bytes: int = 0
    """Of their results."""
    not_tried: int = 0
    """Files that are left because the run ended early."""
    examples: list[str] = field(default_factory=list)
    """The first of them."""
    linked: list[str] = field(default_factory=list)
    """Links to folders, which are not followed."""


class Run:
    """One run. `on_failure` gets the URL and the error of each file that fails."""

    def __init__(
        self,
        job: Job,
        manifest: Manifest,
        servers: Servers,
        tally: Tally,
        on_failure: Callable[[str, str], None],
    ) -> None:
        self._tally = tally
        self._job = job
        self._manifest = manifest
        self._servers = servers
        self._on_failure = on_failure
        self._options = described(job.options)
        self._files = job.source.files(job.destination, tally.linked)
        self._listed = deque[tuple[File, Record | None]]()
        self._all_listed = False
        self._listing = threading.Lock()
        self._counting = threading.Lock()
        self._running = dict[str, File]()
        self._room = _Room(job.in_flight, job.memory)
        self._threads = ThreadPoolExecutor(job.connections, thread_name_prefix="batch-storage")
        self._common_failures = 0

    async def run(self) -> None:
        """Process every file that is due.

        Raises NoServersError with the rest in `tally.not_tried`, StorageError if the source cannot
        be listed, ManifestError, and Failure if too many files in a row fail by no fault of their
        own.
        """
        try:
            async with asyncio.TaskGroup() as tasks:
                while await self._has_next():
                    cost = await self._room.take(_COPIES * self._listed[0][0].size)
                    file, record = self._listed.popleft()
                    self._running[file.url] = file
                    tasks.create_task(self._one(file, record, cost))
        except BaseExceptionGroup as group:
            error = group.exceptions[0]
            if isinstance(error, NoServersError):
                await self._count_rest()
            raise error from None
        finally:
            self._threads.shutdown(wait=False, cancel_futures=True)

    async def _has_next(self) -> bool:
        """Wait for a file in `_listed`. False if there are no more."""
        while not self._listed and not self._all_listed:
            await self._in_thread(self._list_more)
        return bool(self._listed)

    def _list_more(self) -> None:
        """Add those of the next files that are due to `_listed`, with their line."""
        with self._listing:  # a cancelled call goes on in its thread
            files = list(itertools.islice(self._files, _CHUNK))
            pairs = [(file, self._manifest.latest(file.url)) for file in files]
            self._listed.extend(pair for pair in pairs if self._is_due(*pair))
            self._all_listed = not files

    def _is_due(self, file: File, record: Record | None) -> bool:
        if record is None or not self._fits(record, file):
            return True
        if not record["ok"] and self._job.retry_failed:
            return True
        if not file.version or record["version"] != file.version:
            return True  # perhaps: `_process` compares the content
        self._skip(record)
        return False

    def _skip(self, record: Record) -> None:
        with self._counting:  # the listing and the event loop call this
            self._tally.skipped += 1
            self._tally.skipped_failed += not record["ok"]

    def _fits(self, record: Record, file: File) -> bool:
        """Whether a line is for these options, this destination and this name of the result.

        When a namesake is added, the result gets a new name, and the namesake may take the old one.
        """
        if record["options"] != self._options:
            return False
        if not record["ok"]:
            return True
        if file.namesake:
            name = file.output(Format(record["format"]))
            return bool(record["output"] == self._job.destination.url_of(name))
        return bool(record["output"].startswith(self._job.destination.url.rstrip("/") + "/"))

    async def _one(self, file: File, record: Record | None, cost: int) -> None:
        try:
            line = await self._process(file, record)
            if line != record:
                self._manifest.append(line)
            del self._running[file.url]
        finally:
            self._room.give(cost)

    async def _process(self, file: File, record: Record | None) -> Record:
        """Return the line of a file, after its result was written."""
        about: Record = {"source": file.url, "version": file.version, "options": self._options}
        try:
            data, digest = await self._in_thread(self._job.source.read, file)
            about["sha256"] = digest
            if record and self._is_same(file, record, digest):
                self._skip(record)
                return {**record, "version": file.version}
            async with self._servers.encoded(data, self._job.options) as (encoded, server):
                name = file.output(encoded.format)
                if self._job.destination.has(file, name, self._job.source):
                    raise StorageError(f"will not replace the source {file.url}")
                output = await self._in_thread(self._job.destination.write, name, encoded.image)
        except (AutoQualityError, StorageError) as error:
            self._note_failure(error)
            self._tally.failed += 1
            self._on_failure(file.url, str(error))
            return failed(about, file.size, error)
        self._common_failures = 0
        self._tally.done += 1
        self._tally.source_bytes += len(data)
        self._tally.size_bytes += encoded.size_bytes
        return done(about, len(data), encoded, output, server)

    def _is_same(self, file: File, record: Record, digest: str) -> bool:
        """Whether an earlier run has processed this content, so that only its version is new."""
        again = not record["ok"] and self._job.retry_failed
        return record.get("sha256") == digest and self._fits(record, file) and not again

    def _note_failure(self, error: AutoQualityError | StorageError) -> None:
        """Raise Failure if the cause seems to be the same for every file."""
        is_common = isinstance(error, _COMMON) and not isinstance(error, InvalidImageError)
        self._common_failures = self._common_failures + 1 if is_common else 0
        if self._common_failures >= MAX_COMMON_FAILURES:
            raise Failure(f"{MAX_COMMON_FAILURES} files in a row failed: {error}") from error

    async def _count_rest(self) -> None:
        """Count the files that were not processed, in flight or not listed yet."""
        for file in self._running.values():
            self._not_tried(file)
        with contextlib.suppress(StorageError):  # the servers are the news
            while await self._has_next():
                self._not_tried(self._listed.popleft()[0])

    def _not_tried(self, file: File) -> None:
        self._tally.not_tried += 1
        if len(self._tally.examples) < 10:
            self._tally.examples.append(file.url)

    async def _in_thread(self, call: Callable[[*_Ts], _T], *arguments: *_Ts) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, call, *arguments)


class _Room:
    """Room for files in flight, by their number and their bytes. One task takes, others give."""

    def __init__(self, files: int, memory: int) -> None:
        self._files = files
        self._memory = self._left = memory
        self._given = asyncio.Event()

    async def take(self, amount: int) -> int:
        """Wait for room for one file. A file for which there is never enough gets all."""
        amount = min(amount, self._memory)
        while not self._files or amount > self._left:
            self._given.clear()
            await self._given.wait()
        self._files -= 1
        self._left -= amount
        return amount

    def give(self, amount: int) -> None:
        """Return the room of one file."""
        self._files += 1
        self._left += amount
        self._given.set()
