"""Streamed encoding: a source becomes request messages, and answers become events."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import closing

import grpc

from autoquality import _convert
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
        self.error: OSError | None = None
        """Why the source could not be read."""

    def __iter__(self) -> Iterator[pb.EncodeStreamRequest]:
        self.error = None
        yield pb.EncodeStreamRequest(start=self._start)
        try:
            for chunk in self._source.chunks():
                yield pb.EncodeStreamRequest(chunk=chunk)
        except OSError as error:
            # gRPC iterates in its own thread and would drop the exception. The server refuses
            # the incomplete source, and `encode` then raises this error.
            self.error = error


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
    upload = Upload(request, source)
    try:
        stream = caller.stream(method, upload, _is_result, options)
        with closing(stream) as messages:
            yield from _events(messages)
    except AutoQualityError:
        if upload.error is not None:
            raise upload.error from None
        raise


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


def _events(
    messages: Generator[pb.EncodeStreamResponse, None, str],
) -> Generator[Progress | Encoded, None, None]:
    """Convert `messages`, which return the request's id, to events."""
    result, chunks = None, list[bytes]()
    request_id = ""
    while True:
        try:
            message = next(messages)
        except StopIteration as end:
            request_id = end.value
            break
        part = message.WhichOneof("part")
        if part == "progress":
            yield _convert.progress_from(message.progress)
        elif part == "result":
            result, chunks = message.result, []
        elif part == "chunk":
            chunks.append(message.chunk)
    image = b"".join(chunks)
    if result is None or len(image) != result.size_bytes:
        raise InternalError(
            "the server's answer is incomplete",
            code=grpc.StatusCode.INTERNAL,
            request_id=request_id,
        )
    yield _convert.encoded_from(result, request_id, image)
