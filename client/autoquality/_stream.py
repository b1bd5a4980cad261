"""Streamed encoding: a source becomes request messages, and answers become events."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Iterator
from contextlib import aclosing, closing, contextmanager

import grpc

from autoquality import _convert
from autoquality._async_call import AsyncCaller
from autoquality._call import Caller, CallOptions
from autoquality._errors import AutoQualityError, InternalError
from autoquality._results import Encoded, Progress
from autoquality._source import Source
from autoquality.v1 import encoding_pb2 as pb


class Upload:
    """The messages of a request. Each attempt iterates over them from the beginning."""

    def __init__(self, request: pb.EncodeRequest, source: Source) -> None:
        """`request` has no source yet."""
        self._source = source
        self._start = source.stream_start(request)
        self._error: OSError | None = None

    def __iter__(self) -> Iterator[pb.EncodeStreamRequest]:
        self._error = None
        yield pb.EncodeStreamRequest(start=self._start)
        try:
            for chunk in self._source.chunks():
                yield pb.EncodeStreamRequest(chunk=chunk)
        except OSError as error:
            # gRPC iterates in its own thread and would drop the exception. The server refuses
            # the incomplete source, and `error_first` then raises this error.
            self._error = error

    async def __aiter__(self) -> AsyncIterator[pb.EncodeStreamRequest]:
        messages = iter(self)
        while (message := await asyncio.to_thread(next, messages, None)) is not None:
            yield message

    @contextmanager
    def error_first(self) -> Iterator[None]:
        """Raise the OSError of the source instead of the failure of the call that it caused."""
        try:
            yield
        except AutoQualityError:
            if self._error is not None:
                raise self._error from None
            raise


class _Answer:
    """The messages of an answer, as events."""

    def __init__(self) -> None:
        self._result: pb.EncodeResponse | None = None
        self._chunks: list[bytes] = []

    def event(self, part: pb.EncodeStreamResponse | str) -> Progress | Encoded | None:
        """Return the event in the next message, or in the request's id, which comes last.

        Raises InternalError for an incomplete answer.
        """
        if isinstance(part, str):
            return self._encoded(part)
        kind = part.WhichOneof("part")
        if kind == "progress":
            return _convert.progress_from(part.progress)
        if kind == "result":
            self._result, self._chunks = part.result, []
        elif kind == "chunk":
            self._chunks.append(part.chunk)
        return None

    def _encoded(self, request_id: str) -> Encoded:
        image = b"".join(self._chunks)
        if self._result is None or len(image) != self._result.size_bytes:
            raise InternalError(
                "the server's answer is incomplete",
                code=grpc.StatusCode.INTERNAL,
                request_id=request_id,
            )
        return _convert.encoded_from(self._result, request_id, image)


def encode(
    caller: Caller,
    method: grpc.StreamStreamMultiCallable[pb.EncodeStreamRequest, pb.EncodeStreamResponse],
    request: pb.EncodeRequest,
    source: Source,
    options: CallOptions,
) -> Generator[Progress | Encoded, None, None]:
    """Encode `source`: yield each progress, then the result.

    A retry yields the progress from the beginning. Raises AutoQualityError, OSError.
    """
    upload, answer = Upload(request, source), _Answer()
    parts = caller.stream(method, upload, _is_result, options)
    with upload.error_first(), closing(parts):
        for part in parts:
            if (event := answer.event(part)) is not None:
                yield event


async def encode_async(
    caller: AsyncCaller,
    method: grpc.aio.StreamStreamMultiCallable[pb.EncodeStreamRequest, pb.EncodeStreamResponse],
    request: pb.EncodeRequest,
    source: Source,
    options: CallOptions,
) -> AsyncGenerator[Progress | Encoded, None]:
    """Encode `source` like `encode` does."""
    upload, answer = Upload(request, source), _Answer()
    with upload.error_first():
        async with aclosing(caller.stream(method, upload, _is_result, options)) as parts:
            async for part in parts:
                if (event := answer.event(part)) is not None:
                    yield event


def _is_result(message: pb.EncodeStreamResponse) -> bool:
    return message.HasField("result")


def result_of(
    events: Generator[Progress | Encoded, None, None],
    progress: Callable[[Progress], object] | None,
) -> Encoded:
    """Return the result in `events`, and call `progress` with the other events."""
    with closing(events):
        for event in events:
            if isinstance(event, Encoded):
                return event
            if progress is not None:
                progress(event)
    raise AssertionError("the last event is the result")


async def async_result_of(
    events: AsyncGenerator[Progress | Encoded, None],
    progress: Callable[[Progress], object] | None,
) -> Encoded:
    """Return the result in `events`, and call or await `progress` with the other events."""
    async with aclosing(events):
        async for event in events:
            if isinstance(event, Encoded):
                return event
            if progress is not None and inspect.isawaitable(seen := progress(event)):
                await seen
    raise AssertionError("the last event is the result")
