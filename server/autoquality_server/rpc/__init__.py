"""protobuf to domain and back, nothing else."""

from autoquality_server.rpc.build import build_service
from autoquality_server.rpc.servicer import EncodingServicer

__all__ = ["EncodingServicer", "build_service"]
