"""Encode in messages of moderate size: what comes before the encoding, and after it."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass

from autoquality.v1 import encoding_pb2 as pb
from autoquality_core.encode.job import EncodeJob, EncodeResult
from autoquality_core.formats import EncoderOptions
from autoquality_core.runtime.context import Observer, observe, step
from autoquality_core.runtime.deadline import Deadline
from autoquality_core.types import Progress, Stage
from autoquality_server.rpc.answer import progress_message, response_of
from autoquality_server.rpc.background import events_of
from autoquality_server.rpc.encoding import Encoding
from autoquality_server.rpc.receiving import (
    announced_source,
    expected,
    filled,
    first_part,
    received,
)
from autoquality_server.rpc.validate import job_of

RESULT_CHUNK_BYTES = 2**20
"""What is sent of a result at a time: fits what any gRPC client receives without asking."""


@dataclass(frozen=True, slots=True)
class Streaming:
    """Receives a source in chunks, has it encoded, and sends the result in chunks."""

    encoding: Encoding
    options: EncoderOptions
    max_bytes: int

    def answer(
        self, parts: Iterator[pb.EncodeStreamRequest], deadline: Deadline
    ) -> Iterator[pb.EncodeStreamResponse]:
        """Everything that a call with `parts` is answered. Raises ServiceError."""
        job = yield from self._received(parts, deadline)
        start, source_bytes = time.perf_counter(), job.source_bytes
        result = yield from self._encoded(job, deadline)
        del job  # the source is no longer held while the result goes out
        self.encoding.note(result, source_bytes)
        with step("answer"):
            response = response_of(result, time.perf_counter() - start, with_image=False)
        yield pb.EncodeStreamResponse(result=response)
        image = memoryview(result.image)
        for at in range(0, len(image), RESULT_CHUNK_BYTES):
            yield pb.EncodeStreamResponse(chunk=bytes(image[at : at + RESULT_CHUNK_BYTES]))

    def _received(
        self, parts: Iterator[pb.EncodeStreamRequest], deadline: Deadline
    ) -> Generator[pb.EncodeStreamResponse, None, EncodeJob]:
        """The job; whatever can be refused before the source is there, is."""
        start = first_part(parts, deadline)
        with step("validate"):
            job = job_of(start.request, self.options, announced_source(start.request))
            self.encoding.pipeline.check(job)
        expect = expected(start, job, self.max_bytes)
        yield _progress(Progress(Stage.ACCEPTED))
        with step("receive"):
            job = filled(job, received(parts, expect, deadline))
        yield _progress(Progress(Stage.RECEIVED))
        return job

    def _encoded(
        self, job: EncodeJob, deadline: Deadline
    ) -> Generator[pb.EncodeStreamResponse, None, EncodeResult]:
        def work(tell: Callable[[pb.EncodeStreamResponse], None]) -> EncodeResult:
            observe(_Progress(tell))
            return self.encoding.run(job, deadline, max_bytes=self.max_bytes)

        return (yield from events_of(work, deadline.cancel))


class _Progress(Observer):
    """Sends the stages of a request to its caller."""

    def __init__(self, send: Callable[[pb.EncodeStreamResponse], None]) -> None:
        self._send = send

    def progressed(self, progress: Progress) -> None:
        self._send(_progress(progress))


def _progress(progress: Progress) -> pb.EncodeStreamResponse:
    return pb.EncodeStreamResponse(progress=progress_message(progress))
