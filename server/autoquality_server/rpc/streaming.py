"""EncodeStream: receives a source in chunks, encodes it and sends the result in chunks."""

from __future__ import annotations

import contextvars
import mmap
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from queue import SimpleQueue
from typing import TypeVar

from autoquality.v1 import encoding_pb2 as pb
from autoquality_core.errors import InvalidImage, InvalidRequest, Violations
from autoquality_core.formats import EncoderOptions
from autoquality_core.pipeline.job import EncodeJob, EncodeResult
from autoquality_core.runtime.context import Observer, clock, observe, step
from autoquality_core.runtime.deadline import Deadline
from autoquality_core.types import Progress, RawSource, Stage
from autoquality_server.rpc.convert import encode_job, progress_response
from autoquality_server.rpc.interceptors.transfers import CANCEL_DELAY
from autoquality_server.rpc.runner import Runner

E = TypeVar("E")
R = TypeVar("R")

MAX_CHUNK_BYTES = 4 * 2**20
"""The largest chunk that is accepted."""

RESULT_CHUNK_BYTES = 2**20
"""Size of a chunk of the result: any gRPC client accepts it with its default limits."""


@dataclass(frozen=True, slots=True)
class Streaming:
    """The method, for every call."""

    runner: Runner
    options: EncoderOptions
    max_bytes: int

    def respond(
        self, parts: Iterator[pb.EncodeStreamRequest], deadline: Deadline
    ) -> Iterator[pb.EncodeStreamResponse]:
        """Yield the messages of the answer. Raises ServiceError and MemoryError."""
        job = yield from self._received(parts, deadline)
        start, source_bytes = clock(), job.source_bytes
        key, response = self.runner.cached(job, start)
        if response is None:
            result = yield from self._encoded(job, deadline)
            response = self.runner.answer(result, key, start, source_bytes, with_image=False)
            image = memoryview(result.image)
        else:
            image = memoryview(response.image)
            response.ClearField("image")
        del job  # do not hold the source while the result is sent
        yield pb.EncodeStreamResponse(result=response)
        for at in range(0, len(image), RESULT_CHUNK_BYTES):
            yield pb.EncodeStreamResponse(chunk=bytes(image[at : at + RESULT_CHUNK_BYTES]))

    def _received(
        self, parts: Iterator[pb.EncodeStreamRequest], deadline: Deadline
    ) -> Generator[pb.EncodeStreamResponse, None, EncodeJob]:
        """Receive the job; refuse it before its source arrives if possible."""
        start = first_part(parts, deadline)
        with step("validate"):
            job = self._job(start)
        expected = expected_bytes(start, job, self.max_bytes)
        yield progress_response(Progress(Stage.ACCEPTED))
        with step("receive"):
            data = receive(parts, expected, self.max_bytes, deadline)
        yield progress_response(Progress(Stage.RECEIVED))
        raw = job.source if isinstance(job.source, RawSource) else None
        return replace(job, source=replace(raw, pixels=data) if raw else data)

    def _job(self, start: pb.EncodeStreamStart) -> EncodeJob:
        """The job without the bytes of its source. Raises InvalidRequest."""
        wrong = Violations()
        source: bytes | RawSource = b""
        with wrong:
            source = announced_source(start)
        check = self.runner.pipeline.check
        with wrong:
            job = encode_job(start.request, self.options, source, check=check)
            check(job)
        wrong.raise_any()
        return job

    def _encoded(
        self, job: EncodeJob, deadline: Deadline
    ) -> Generator[pb.EncodeStreamResponse, None, EncodeResult]:
        """Encode in another thread, so that a slow caller holds no worker."""

        def work(emit: Callable[[pb.EncodeStreamResponse], None]) -> EncodeResult:
            observe(_ProgressEvents(emit))
            return self.runner.encode(job, self.max_bytes)

        return (yield from background_events(work, deadline.cancel))


class _ProgressEvents(Observer):
    def __init__(self, emit: Callable[[pb.EncodeStreamResponse], None]) -> None:
        self._emit = emit

    def progressed(self, progress: Progress) -> None:
        self._emit(progress_response(progress))


def first_part(parts: Iterator[pb.EncodeStreamRequest], deadline: Deadline) -> pb.EncodeStreamStart:
    """The start of a stream. Raises InvalidRequest if it begins with anything else."""
    part = next(parts, None)
    if part is None:
        deadline.check_soon(CANCEL_DELAY)
    if part is None or part.WhichOneof("part") != "start":
        raise InvalidRequest("start", "must be set in the first message of the stream")
    return part.start


def announced_source(start: pb.EncodeStreamStart) -> bytes | RawSource:
    """The source of a stream, still without its bytes.

    Raises InvalidRequest for a size below 1, and if the request itself contains the bytes.
    """
    if start.HasField("source_bytes") and start.source_bytes < 1:
        raise InvalidRequest("start.source_bytes", f"must be 1 or more, is {start.source_bytes}")
    request = start.request
    if request.image:
        raise InvalidRequest("image", "must be empty in a stream: the file follows in chunks")
    if not request.HasField("raw"):
        return b""
    raw = request.raw
    if raw.pixels:
        raise InvalidRequest("raw.pixels", "must be empty in a stream: they follow in chunks")
    return RawSource(raw.width, raw.height, raw.bands, b"")


def expected_bytes(start: pb.EncodeStreamStart, job: EncodeJob, limit: int) -> int | None:
    """The number of bytes that follow `start`, None for a file of unknown size.

    The fields of `start` and the job are valid.

    Raises InvalidRequest for an impossible size, InvalidImage for one over `limit`.
    """
    source = job.source
    declared = start.source_bytes if start.HasField("source_bytes") else None
    exactly, field = declared, "image"
    if isinstance(source, RawSource):
        exactly, field = source.width * source.height * source.bands, "raw"
        if declared not in (None, exactly):
            raise InvalidRequest(
                "start.source_bytes",
                f"must be {exactly} for pixels of {source.width}x{source.height}x{source.bands}, "
                f"is {declared}",
            )
    if exactly is not None and exactly > limit:
        raise _too_large(field, f"{exactly} bytes", limit)
    return exactly


def receive(
    parts: Iterator[pb.EncodeStreamRequest], expected: int | None, limit: int, deadline: Deadline
) -> memoryview:
    """Receive all chunks, of `expected` bytes or up to `limit`, into one piece of memory.

    It is an anonymous mapping of its own. Announced bytes that have not arrived cost nothing, since
    the system provides a page when it is first written. It takes all pages back when the last
    reference is gone.

    Raises InvalidRequest for other parts and for too many or too few bytes; DeadlinePassed and
    RequestCancelled if they ended the stream.
    """
    most = limit if expected is None else expected
    try:
        memory = memoryview(mmap.mmap(-1, most, flags=mmap.MAP_PRIVATE))
    except OSError as error:  # on systems that do not overcommit memory
        raise MemoryError from error
    size = 0
    for part in parts:
        if part.WhichOneof("part") != "chunk":
            raise InvalidRequest("chunk", "must be set in every message after the first")
        chunk = part.chunk
        if len(chunk) > MAX_CHUNK_BYTES:
            raise InvalidRequest(
                "chunk", f"must be at most {MAX_CHUNK_BYTES} bytes, is {len(chunk)}"
            )
        end = size + len(chunk)
        if end > most:
            if expected is None:
                raise _too_large("image", "more bytes", limit)
            raise InvalidRequest("chunk", f"exceeds the announced {expected} bytes")
        memory[size:end] = chunk
        size = end
    if expected not in (None, size):
        deadline.check_soon(CANCEL_DELAY)
        raise InvalidRequest(
            "chunk", f"the source is incomplete: {size} of {expected} bytes arrived"
        )
    deadline.check()
    return memory[:size].toreadonly()


def _too_large(field: str, size: str, limit: int) -> InvalidImage:
    message = f"has {size}; at most {limit} are accepted in a stream"
    return InvalidImage(field, message, reason="IMAGE_TOO_LARGE")


def background_events(
    work: Callable[[Callable[[E], None]], R], cancel: Callable[[], None]
) -> Generator[E, None, R]:
    """Run `work(emit)` in a thread, yield the events that it emits, return its result.

    The thread has the context of this one. A consumer that is slow does not delay the work; the
    events wait in memory, so they must be few. Raises what `work` raises. If the generator is
    closed early, it calls `cancel`, which should end the work soon, and waits for its end.
    """
    events: SimpleQueue[E | None] = SimpleQueue()
    with ThreadPoolExecutor(1, "stream") as pool:  # waits for its thread at the end
        future = pool.submit(contextvars.copy_context().run, work, events.put)
        future.add_done_callback(lambda _: events.put(None))
        del work  # and with it the request
        try:
            while (event := events.get()) is not None:
                yield event
        except GeneratorExit:
            cancel()
            raise
    try:
        return future.result()
    finally:
        # An error refers to this frame. A reference back to it would keep the memory of the
        # work until the next garbage collection.
        del future
