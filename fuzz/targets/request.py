"""Any bytes as a request: decoded by protobuf and validated, with the header of its source."""

from __future__ import annotations

from google.protobuf.message import DecodeError

from autoquality.v1 import encoding_pb2 as pb
from autoquality_core.errors import ServiceError
from autoquality_core.formats import EncoderOptions
from autoquality_core.pipeline.defaults import Defaults
from autoquality_core.pipeline.pipeline import Pipeline
from autoquality_core.runtime.deadline import Deadline
from autoquality_server.rpc.convert import encode_job
from fuzz.targets import Target
from fuzz.targets.image import LIMITS

_PIPELINE = Pipeline(Defaults(), LIMITS)


def run(data: bytes) -> None:
    """Do everything that happens before a request waits for a worker."""
    try:
        request = pb.EncodeRequest.FromString(data)
    except DecodeError:
        return
    try:
        opened = _PIPELINE.open(encode_job(request, EncoderOptions()), Deadline())
    except ServiceError as error:
        assert error.message.isprintable(), f"not one line: {error.message!r}"
        return
    assert 1 <= opened.pixels <= LIMITS.max_pixels


TARGET = Target(run)
