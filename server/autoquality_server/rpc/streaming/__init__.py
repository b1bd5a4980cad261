"""EncodeStream: receives a source in chunks, encodes it and sends the result in chunks."""

from __future__ import annotations

import contextvars
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from queue import SimpleQueue
from typing import TypeVar

from autoquality.v1 import encoding_pb2 as pb
from autoquality_core.errors import Violations
from autoquality_core.formats import EncoderOptions
from autoquality_core.pipeline.job import EncodeJob, EncodeResult
from autoquality_core.runtime.context import Observer, clock, observe, step
from autoquality_core.runtime.deadline import Deadline
from autoquality_core.types import Progress, RawSource, Stage
from autoquality_server.rpc.convert import encode_job, progress_response
from autoquality_server.rpc.runner import Runner
from autoquality_server.rpc.streaming.chunks import (
    RESULT_CHUNK_BYTES,
    announced_source,
    expected_bytes,
    first_part,
    receive,
    with_data,
)


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
            job = with_data(job, receive(parts, expected, deadline))
        yield progress_response(Progress(Stage.RECEIVED))
        return job

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


E = TypeVar("E")
R = TypeVar("R")


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
