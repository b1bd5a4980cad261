"""A source that arrives in chunks, into one piece of memory.

The memory is a mapping of its own: pages of it are taken as they are written
to, so what was announced but has not arrived costs nothing, and they are given
back to the system as soon as nobody looks at them any more.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from dataclasses import dataclass, replace

from autoquality.v1 import encoding_pb2 as pb
from autoquality_core.encode.job import EncodeJob
from autoquality_core.errors import InvalidImage, InvalidRequest
from autoquality_core.runtime.deadline import Deadline
from autoquality_core.types import RawSource

MAX_CHUNK_BYTES = 4 * 2**20
"""The most that one chunk may bring."""

_MOMENT = 0.2
"""In gRPC a cancelled stream may end as a complete one does, and is known to be cancelled then."""


@dataclass(frozen=True, slots=True)
class Expected:
    """How many bytes are to come: `exactly` so many, or any number up to `most` (exactly None)."""

    field: str
    exactly: int | None
    most: int


def first_part(parts: Iterator[pb.EncodeStreamRequest], deadline: Deadline) -> pb.EncodeStreamStart:
    """The start of a stream. Raises InvalidRequest if it begins with anything else."""
    part = next(parts, None)
    if part is None:
        deadline.check_soon(_MOMENT)
    if part is None or part.WhichOneof("part") != "start":
        raise InvalidRequest("start", "must be set in the first message of the stream")
    return part.start


def announced_source(request: pb.EncodeRequest) -> bytes | RawSource:
    """The source that `request` speaks of, its bytes still missing.

    Raises InvalidRequest if they are there.
    """
    if request.image:
        raise InvalidRequest("image", "must be empty in a stream: the file follows in chunks")
    if not request.HasField("raw"):
        return b""
    raw = request.raw
    if raw.pixels:
        raise InvalidRequest("raw.pixels", "must be empty in a stream: they follow in chunks")
    return RawSource(raw.width, raw.height, raw.bands, b"")


def expected(start: pb.EncodeStreamStart, job: EncodeJob, limit: int) -> Expected:
    """What is to come after `start`, of whose job the source has the shape that it should.

    Raises InvalidRequest for a size that cannot be, InvalidImage for one over
    `limit`.
    """
    source = job.source
    declared = start.source_bytes if start.HasField("source_bytes") else None
    if declared is not None and declared < 1:
        raise InvalidRequest("start.source_bytes", f"must be 1 or more, is {declared}")
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
    return Expected(field, exactly, limit if exactly is None else exactly)


def received(
    parts: Iterator[pb.EncodeStreamRequest], expect: Expected, deadline: Deadline
) -> memoryview:
    """The bytes of all chunks that `parts` bring, up to their end.

    Raises InvalidRequest for a part that is no chunk, and for more or fewer
    bytes than expected, as soon as that is known; DeadlinePassed and
    RequestCancelled if that is why there are no more.
    """
    try:
        memory = memoryview(mmap.mmap(-1, expect.most, flags=mmap.MAP_PRIVATE))
    except OSError as error:  # where memory is not promised beyond what there is
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
        if end > expect.most:
            raise _more(expect)
        memory[size:end] = chunk
        size = end
    if expect.exactly not in (None, size):
        deadline.check_soon(_MOMENT)
        raise InvalidRequest(
            "chunk", f"{size} bytes arrived, but {expect.exactly} were to: the source is incomplete"
        )
    deadline.check()
    return memory[:size].toreadonly()


def filled(job: EncodeJob, data: memoryview) -> EncodeJob:
    """The job with the bytes of its source."""
    if isinstance(job.source, RawSource):
        return replace(job, source=replace(job.source, pixels=data))
    return replace(job, source=data)


def _more(expect: Expected) -> InvalidRequest:
    if expect.exactly is None:
        return _too_large(expect.field, "more bytes", expect.most)
    return InvalidRequest("chunk", f"brings more than the {expect.exactly} bytes that were to come")


def _too_large(field: str, size: str, limit: int) -> InvalidImage:
    message = f"has {size}; at most {limit} are accepted in a stream"
    return InvalidImage(field, message, reason="IMAGE_TOO_LARGE")
