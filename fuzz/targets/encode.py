"""A request with extreme values, from protobuf to the response, whose claims must be true."""

from __future__ import annotations

import random

from google.protobuf.message import DecodeError

from autoquality.v1 import encoding_pb2 as pb
from autoquality_core.errors import ServiceError
from autoquality_core.formats import EncoderOptions
from autoquality_core.images import ImageLimits
from autoquality_core.pipeline.defaults import Defaults
from autoquality_core.pipeline.pipeline import Pipeline
from autoquality_core.runtime.deadline import Deadline
from autoquality_server.rpc.convert import encode_job, encode_response
from fuzz.messages import mutated
from fuzz.targets import Target

# Small enough for several of the slowest encodings per second.
LIMITS = ImageLimits(max_bytes=1 << 14, max_pixels=1 << 10, max_frames=4)
_PIPELINE = Pipeline(Defaults(), LIMITS)
_WITHOUT_QUALITY = (pb.OUTCOME_NO_QUALITY, pb.OUTCOME_LOSSLESS_SMALLER)


def run(data: bytes) -> None:
    """Serve the request like the server, without gRPC and without the queue."""
    try:
        request = pb.EncodeRequest.FromString(data)
    except DecodeError:
        return
    try:
        result = _PIPELINE.encode(encode_job(request, EncoderOptions()), Deadline())
    except ServiceError as error:
        assert error.message.isprintable(), f"not a line: {error.message!r}"
        return
    response = encode_response(result, 0.0)
    applied = response.applied
    assert response.size_bytes == len(response.image) > 0
    kept = response.outcome == pb.OUTCOME_SOURCE_KEPT
    assert response.iterations == len(response.probes) >= (not kept)
    assert response.format in pb.Format.values() and response.outcome in pb.Outcome.values()
    chosen = [one for one in response.candidates if one.verdict == pb.Candidate.VERDICT_CHOSEN]
    assert len(chosen) == bool(response.candidates)
    for one in chosen:
        assert (one.format, one.quality) == (response.format, response.quality)
        assert (one.size_bytes, one.lossless) == (response.size_bytes, response.lossless)
    if kept:
        assert (response.quality, response.dssim, response.ssimulacra2) == (0, 0, 100)
    elif applied.method != pb.METHOD_NONE and response.outcome not in _WITHOUT_QUALITY:
        assert applied.min_quality <= response.quality <= applied.max_quality
    if response.HasField("dssim"):
        assert 0 <= response.dssim <= 1
    if response.HasField("ssimulacra2"):
        assert response.ssimulacra2 <= 100
    met = (pb.OUTCOME_TARGET_MET, pb.OUTCOME_SOURCE_KEPT)
    exceeded = any(one.code == pb.Notice.CODE_LIMIT_EXCEEDED for one in response.notices)
    if response.outcome in met and applied.method == pb.METHOD_SIZE and not exceeded:
        assert response.size_bytes <= applied.target


def mutate(data: bytes, chance: random.Random) -> bytes:
    """Another request, with other extreme values."""
    try:
        request = pb.EncodeRequest.FromString(data)
    except DecodeError:
        request = pb.EncodeRequest()
    return mutated(request, chance).SerializeToString(deterministic=True)


TARGET = Target(run, mutate=mutate)
