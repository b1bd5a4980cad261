"""protobuf to domain and back, nothing else."""

from autoquality_server.service.build import build_service
from autoquality_server.service.servicer import EncodingServicer

__all__ = ["EncodingServicer", "build_service"]
