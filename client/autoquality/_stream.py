"""Encoding in a stream: from a source to parts, and from parts to progress and a result."""

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
    """The parts of a request; may be iterated over anew for each attempt."""

    def __init__(self, request: pb.EncodeRequest, source: Source) -> None:
        """`request` is without its source."""
        self._source = source
        self._start = source.announce_in(request)
        self.error: OSError | None = None
        """Why the source could not be read."""

    def __iter__(self) -> Iterator[pb.EncodeStreamRequest]:
        self.error = None
        yield pb.EncodeStreamRequest(start=self._start)
        try:
            for chunk in self._source.chunks():
                yield pb.EncodeStreamRequest(chunk=chunk)
        except OSError as error:
            # gRPC iterates in a thread of its own, where nobody would see it: the server
            # finds the source incomplete, and whoever waits for its answer looks here.
            self.error = error


def encode(
    caller: Caller,
    method: grpc.StreamStreamMultiCallable[pb.EncodeStreamRequest, pb.EncodeStreamResponse],
    request: pb.EncodeRequest,
    source: Source,
    options: CallOptions,
) -> Generator[Progress | Encoded, None, None]:
    """Encode `source` as `request` says: each progress, and the result as the last.

    An attempt that is made anew begins anew. Raises AutoQualityError, OSError.
    """
    upload = Upload(request, source)
    try:
        stream = caller.stream(method, upload, _is_result, **options)
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
    """The last of `events`; `progress` is called with the others."""
    with closing(events):
        for event in events:
            if isinstance(event, Encoded):
                return event
            if progress is not None:
                progress(event)
    raise AssertionError("the result is the last event")


def _events(
    messages: Generator[pb.EncodeStreamResponse, None, str],
) -> Generator[Progress | Encoded, None, None]:
    """What `messages` tell, which return the request's id."""
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
            yield _convert.progress_from_proto(message.progress)
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
    yield _convert.encoded_from_proto(result, request_id, image)
