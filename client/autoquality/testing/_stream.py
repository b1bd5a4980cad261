"""EncodeStream of the fake server: one request out of many parts, many parts out of one answer."""

from __future__ import annotations

from collections.abc import Iterator

from autoquality.v1 import encoding_pb2 as pb

_CHUNK_BYTES = 2**20
_BEFORE_PROBES = (
    pb.EncodeProgress.STAGE_RECEIVED,
    pb.EncodeProgress.STAGE_QUEUED,
    pb.EncodeProgress.STAGE_STARTED,
)


def assembled(parts: Iterator[pb.EncodeStreamRequest]) -> pb.EncodeRequest:
    """The request of Encode that `parts` amount to."""
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
    """What is answered before the source is received."""
    return _happened(pb.EncodeProgress.STAGE_ACCEPTED)


def parts_of(response: pb.EncodeResponse) -> Iterator[pb.EncodeStreamResponse]:
    """The rest of the answer that Encode would have answered with `response`."""
    for stage in _BEFORE_PROBES:
        yield _happened(stage)
    for probe in response.probes:
        yield _happened(pb.EncodeProgress.STAGE_PROBED, probe)
    result = pb.EncodeResponse()
    result.CopyFrom(response)
    result.ClearField("image")
    yield pb.EncodeStreamResponse(result=result)
    for at in range(0, len(response.image), _CHUNK_BYTES):
        yield pb.EncodeStreamResponse(chunk=response.image[at : at + _CHUNK_BYTES])


def _happened(
    stage: pb.EncodeProgress.Stage.ValueType, probe: pb.Probe | None = None
) -> pb.EncodeStreamResponse:
    return pb.EncodeStreamResponse(progress=pb.EncodeProgress(stage=stage, probe=probe))
