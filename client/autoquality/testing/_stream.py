"""EncodeStream of the fake server: the parts of a request joined, an answer split into parts."""

from __future__ import annotations

from collections.abc import Iterator

from autoquality.v1 import encoding_pb2 as pb

_CHUNK_BYTES = 2**20
_BEFORE_PROBES = (
    pb.EncodeProgress.STAGE_RECEIVED,
    pb.EncodeProgress.STAGE_QUEUED,
    pb.EncodeProgress.STAGE_STARTED,
)


def join(parts: Iterator[pb.EncodeStreamRequest]) -> pb.EncodeRequest:
    """Return the Encode request with the same content as `parts`."""
    request = pb.EncodeRequest()
    chunks = []
    for part in parts:
        if part.HasField("start"):
            request.CopyFrom(part.start.request)
        chunks.append(part.chunk)
    source = b"".join(chunks)
    if request.HasField("raw"):
        request.raw.pixels = source
    else:
        request.image = source
    return request


def accepted() -> pb.EncodeStreamResponse:
    """Return the answer to a valid start, before the source arrives."""
    return _progress(pb.EncodeProgress.STAGE_ACCEPTED)


def split(response: pb.EncodeResponse) -> Iterator[pb.EncodeStreamResponse]:
    """Yield the parts of the answer after the source has arrived."""
    for stage in _BEFORE_PROBES:
        yield _progress(stage)
    for probe in response.probes:
        yield _progress(pb.EncodeProgress.STAGE_PROBED, probe)
    result = pb.EncodeResponse()
    result.CopyFrom(response)
    result.ClearField("image")
    yield pb.EncodeStreamResponse(result=result)
    for at in range(0, len(response.image), _CHUNK_BYTES):
        yield pb.EncodeStreamResponse(chunk=response.image[at : at + _CHUNK_BYTES])


def _progress(
    stage: pb.EncodeProgress.Stage.ValueType, probe: pb.Probe | None = None
) -> pb.EncodeStreamResponse:
    return pb.EncodeStreamResponse(progress=pb.EncodeProgress(stage=stage, probe=probe))
