"""A request with extreme values, from protobuf to a consistent answer."""

from __future__ import annotations

import random

from google.protobuf.message import DecodeError

from autoquality.v1 import encoding_pb2 as pb
from autoquality_core.encode.defaults import Defaults
from autoquality_core.encode.pipeline import Pipeline
from autoquality_core.errors import ServiceError
from autoquality_core.formats import EncoderOptions
from autoquality_core.images import ImageLimits
from autoquality_core.runtime.deadline import Deadline
from autoquality_server.rpc.answer import response_of
from autoquality_server.rpc.validate import job_of
from fuzz.messages import mutated
from fuzz.targets import Target

# Small enough for several slow encodings in a second.
LIMITS = ImageLimits(max_bytes=1 << 14, max_pixels=1 << 10, max_frames=4)
_PIPELINE = Pipeline(Defaults(), LIMITS)


def run(data: bytes) -> None:
    """Serve the request without gRPC and the queue."""
    try:
        request = pb.EncodeRequest.FromString(data)
    except DecodeError:
        return
    try:
        result = _PIPELINE.encode(job_of(request, EncoderOptions()), Deadline())
    except ServiceError as error:
        assert error.message.isprintable(), f"not one line: {error.message!r}"
        return
    response = response_of(result, 0.0)
    applied = response.applied
    assert response.size_bytes == len(response.image) > 0
    assert response.iterations == len(response.probes) >= 1
    assert response.format in pb.Format.values() and response.outcome in pb.Outcome.values()
    if applied.method != pb.METHOD_NONE and response.outcome != pb.OUTCOME_NO_QUALITY:
        assert applied.min_quality <= response.quality <= applied.max_quality
    if response.HasField("dssim"):
        assert 0 <= response.dssim <= 1
    if response.outcome == pb.OUTCOME_TARGET_MET and applied.method == pb.METHOD_SIZE:
        assert response.size_bytes <= applied.target


def mutate(data: bytes, chance: random.Random) -> bytes:
    """A request with extreme values in other fields."""
    try:
        request = pb.EncodeRequest.FromString(data)
    except DecodeError:
        request = pb.EncodeRequest()
    return mutated(request, chance).SerializeToString(deterministic=True)


TARGET = Target(run, mutate=mutate)
