"""The sizes of chunks. Receives a source in chunks into one piece of memory.

The memory is an anonymous mapping of its own. Announced bytes that have not arrived cost nothing,
since the system provides a page when it is first written. It takes all pages back when the last
reference is gone.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from dataclasses import dataclass, replace

from autoquality.v1 import encoding_pb2 as pb
from autoquality_core.errors import InvalidImage, InvalidRequest
from autoquality_core.pipeline.job import EncodeJob
from autoquality_core.runtime.deadline import Deadline
from autoquality_core.types import RawSource

MAX_CHUNK_BYTES = 4 * 2**20
"""The largest chunk that is accepted."""

RESULT_CHUNK_BYTES = 2**20
"""Size of a chunk of the result: any gRPC client accepts it with its default limits."""

_CANCEL_DELAY = 0.2
"""Seconds. In gRPC a cancelled stream may look complete, shortly before the cancellation."""


@dataclass(frozen=True, slots=True)
class ExpectedBytes:
    """The size of a source: `exactly` if that is known, otherwise up to `most`."""

    field: str
    exactly: int | None
    most: int


def first_part(parts: Iterator[pb.EncodeStreamRequest], deadline: Deadline) -> pb.EncodeStreamStart:
    """The start of a stream. Raises InvalidRequest if it begins with anything else."""
    part = next(parts, None)
    if part is None:
        deadline.check_soon(_CANCEL_DELAY)
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


def expected_bytes(start: pb.EncodeStreamStart, job: EncodeJob, limit: int) -> ExpectedBytes:
    """The number of bytes that follow `start`; its own fields and the job are valid.

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
    return ExpectedBytes(field, exactly, limit if exactly is None else exactly)


def receive(
    parts: Iterator[pb.EncodeStreamRequest], expected: ExpectedBytes, deadline: Deadline
) -> memoryview:
    """Receive all chunks.

    Raises InvalidRequest for other parts and for too many or too few bytes; DeadlinePassed and
    RequestCancelled if they ended the stream.
    """
    try:
        memory = memoryview(mmap.mmap(-1, expected.most, flags=mmap.MAP_PRIVATE))
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
        if end > expected.most:
            if expected.exactly is None:
                raise _too_large(expected.field, "more bytes", expected.most)
            raise InvalidRequest("chunk", f"exceeds the announced {expected.exactly} bytes")
        memory[size:end] = chunk
        size = end
    if expected.exactly not in (None, size):
        deadline.check_soon(_CANCEL_DELAY)
        raise InvalidRequest(
            "chunk", f"the source is incomplete: {size} of {expected.exactly} bytes arrived"
        )
    deadline.check()
    return memory[:size].toreadonly()


def with_data(job: EncodeJob, data: memoryview) -> EncodeJob:
    """The job with the bytes of its source."""
    if isinstance(job.source, RawSource):
        return replace(job, source=replace(job.source, pixels=data))
    return replace(job, source=data)


def _too_large(field: str, size: str, limit: int) -> InvalidImage:
    message = f"has {size}; at most {limit} are accepted in a stream"
    return InvalidImage(field, message, reason="IMAGE_TOO_LARGE")
