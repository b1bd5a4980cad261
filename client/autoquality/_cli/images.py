"""What `autoquality encode` does to its images. One failure does not stop the others."""

from __future__ import annotations

import dataclasses
import sys
import threading
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from autoquality._cli.paths import (
    STANDARD,
    OutputError,
    OutputExists,
    OutputPaths,
    Source,
    cannot_write,
    format_of,
)
from autoquality._client import Client
from autoquality._enums import Format
from autoquality._errors import AutoQualityError, OverloadedError, UnavailableError
from autoquality._results import Encoded
from autoquality._retry import may_have_crashed
from autoquality.v1 import encoding_pb2 as pb

_MAX_UNREACHABLE = 3
"""Images in a row that cannot reach the server. Each has retried for some 10 seconds."""


@dataclass(frozen=True, slots=True)
class Done:
    """An image that was encoded and written."""

    source: Source
    source_bytes: int
    output: str
    encoded: Encoded
    """Without its image, which is no longer needed."""

    @property
    def saved(self) -> float:
        """The saved share of the source's bytes. Negative if the result is larger."""
        return 1 - self.encoded.size_bytes / max(1, self.source_bytes)

    @property
    def is_larger(self) -> bool:
        """Whether the result is larger than its source."""
        return self.encoded.size_bytes > self.source_bytes


@dataclass(frozen=True, slots=True)
class Failed:
    """An image that failed."""

    source: Source
    error: Exception
    tried: bool = True
    """False if the server was gone before."""

    @property
    def message(self) -> str:
        """The reason, for people."""
        if isinstance(self.error, OSError) and self.error.strerror:
            return f"cannot be read: {self.error.strerror}"
        return str(self.error)

    @property
    def reason(self) -> str:
        """The message without the names of files, for counting."""
        return self.error.reason if isinstance(self.error, OutputError) else self.message


@dataclass(frozen=True, slots=True)
class Skipped:
    """An image whose output exists."""

    source: Source
    output: str


Result: TypeAlias = Done | Failed | Skipped
Encode: TypeAlias = Callable[[bytes | Path], Encoded]


class _Server:
    """What the images of a run have in common: their turns, and whether the server answers."""

    def __init__(self, encode: Encode, jobs: int) -> None:
        self._encode = encode
        self._jobs = jobs
        self._turns = threading.Semaphore(jobs)
        self._alone = threading.Lock()
        self._lock = threading.Lock()
        self._unreachable = 0
        """How many of the latest images could not reach the server."""
        self._is_gone = False
        """Whether the latest image could not even be sent."""

    @property
    def is_given_up(self) -> bool:
        """Whether several images in a row could not reach the server."""
        return self._unreachable >= _MAX_UNREACHABLE

    def encoded(self, image: bytes | Path) -> Encoded:
        """Encode, and if the server stays full or is lost, once more without company.

        A crash of the server loses all images in flight, and only one of them may be the cause.
        """
        try:
            with self._turns:
                encoded = self._encode(image)
        except AutoQualityError as first:
            if self._jobs == 1 or not isinstance(first, OverloadedError | UnavailableError):
                self._note(first)
                raise
            with self._alone:
                try:
                    if self._is_gone or self.is_given_up:
                        raise
                    encoded = self._encoded_alone(image)
                except AutoQualityError as error:
                    self._note(error)  # before the next image takes its turn
                    raise
        self._note(None)
        return encoded

    def _encoded_alone(self, image: bytes | Path) -> Encoded:
        for _ in range(self._jobs):
            self._turns.acquire()
        try:
            return self._encode(image)
        finally:
            self._turns.release(self._jobs)

    def _note(self, error: AutoQualityError | None) -> None:
        """Count an unreachable server. An answer from the server starts the count again."""
        with self._lock:
            if isinstance(error, UnavailableError):
                self._unreachable += 1
                self._is_gone = not may_have_crashed(error)
            else:
                self._unreachable, self._is_gone = 0, False


@dataclass(frozen=True, slots=True)
class Encoding:
    """How to encode each image, and where to write it."""

    client: Client
    encode: Encode
    format: Format | None
    """None keeps each source's format, or lets the server choose."""
    paths: OutputPaths | None
    """None writes to standard output."""
    candidates: tuple[Format, ...] = ()
    """The formats that the server chooses from. The suffix is unknown until the answer."""
    skip_existing: bool = False
    """Whether an image whose output exists is skipped instead of failing."""
    pipe_bytes: int = -1
    """The most bytes to read of a pipe, which may have no end. -1 reads all."""

    def run(self, sources: Sequence[Source], jobs: int) -> Generator[Result, None, None]:
        """Encode `sources`, `jobs` at a time. Yields the results in order.

        After several images in a row that cannot reach the server, the others are not tried.
        Ctrl-C, and any other early end of the iteration, closes the client. This ends the
        running calls at once.
        """
        # Before the start and in order: speed must not decide which of two sources gets their
        # common output path. And Ctrl-C cannot end the read of a pipe in another thread.
        given = [self._refusal(source) or _image(source, self.pipe_bytes) for source in sources]
        jobs = max(1, min(jobs, len(sources)))
        server = _Server(self.encode, jobs)
        with ThreadPoolExecutor(jobs, thread_name_prefix="autoquality-encode") as pool:
            try:
                running = [
                    pool.submit(self._one, server, source, image)
                    for source, image in zip(sources, given, strict=True)
                ]
                for future in running:
                    yield future.result()
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                self.client.close()
                raise

    def _refusal(self, source: Source) -> OutputError | None:
        """Reserve the output of a source if its path is known, and return why it cannot have it."""
        if self.paths is None:
            return None
        try:
            if self.candidates:
                return self.paths.existing(source, self.candidates) if self.skip_existing else None
            if format := self.format or format_of(source.relative):
                self.paths.reserve(source, format)
        except OutputError as refusal:
            return refusal
        return None

    def _one(
        self, server: _Server, source: Source, image: bytes | Path | OutputError | OSError
    ) -> Result:
        """Encode the image of a source, unless there is an error in its place."""
        try:
            if isinstance(image, Exception):
                raise image
            if server.is_given_up:
                return Failed(source, ConnectionError("not tried: the server is gone"), tried=False)
            size = len(image) if isinstance(image, bytes) else image.stat().st_size
            encoded = server.encoded(image)
            output = self._write(source, encoded)
        except (AutoQualityError, OutputError, OSError) as error:
            if self.skip_existing and isinstance(error, OutputExists):
                return Skipped(source, str(error.path))
            return Failed(source, error)
        without_image = dataclasses.replace(encoded, image=b"", message=pb.EncodeResponse())
        return Done(source, size, output, without_image)

    def _write(self, source: Source, encoded: Encoded) -> str:
        if self.paths is None:
            try:
                sys.stdout.buffer.write(encoded.image)
                sys.stdout.buffer.flush()
            except OSError as error:
                raise OutputError(f"cannot write to standard output: {error.strerror}") from error
            return STANDARD
        path = self.paths.reserve(source, encoded.format, follow=bool(self.candidates))
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            encoded.save(path)
        except OSError as error:
            raise cannot_write(path, error) from error
        return str(path)


def _image(source: Source, most: int) -> bytes | Path | OSError:
    """Return the path of a file, or the bytes of standard input or of a pipe, or their error.

    The bytes are at most `most`, and all if that is negative.
    """
    path = source.path
    try:
        if path is None:
            return sys.stdin.buffer.read(most)
        if path.is_file() or not path.exists():
            return path
        with path.open("rb") as file:
            return file.read(most)
    except OSError as error:
        return error
