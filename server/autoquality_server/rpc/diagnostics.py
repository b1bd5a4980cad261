"""Reflection and channelz, on dedicated threads.

A reflection stream holds its thread until its client closes it or is silent for some seconds. On
the threads of the workers, a few of them would stop the service.

grpcio-reflection has version v1alpha only, and finds services and messages but no methods. The
messages of both versions have the same fields, so the classes of v1alpha serve both.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any, cast

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, text_format
from google.protobuf.descriptor import FileDescriptor, ServiceDescriptor
from grpc_channelz.v1 import channelz, channelz_pb2, channelz_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2 as pb
from grpc_reflection.v1alpha.reflection import ReflectionServicer

from autoquality_server.rpc.executor import DedicatedExecutor

_THREADS = 4
_POOL = descriptor_pool.Default()
_SERVICE = "ServerReflection"


def _file_of_v1() -> FileDescriptor:
    """Return the file of version v1, made from that of v1alpha."""
    file = descriptor_pb2.FileDescriptorProto()
    cast("Any", pb.DESCRIPTOR).CopyToProto(file)
    file = text_format.Parse(
        str(file).replace("v1alpha", "v1"), descriptor_pb2.FileDescriptorProto()
    )
    return _POOL.AddSerializedFile(file.SerializeToString())


V1ALPHA: ServiceDescriptor = cast("Any", pb.DESCRIPTOR).services_by_name[_SERVICE]
V1: ServiceDescriptor = _file_of_v1().services_by_name[_SERVICE]
CHANNELZ: ServiceDescriptor = channelz_pb2.DESCRIPTOR.services_by_name["Channelz"]


class Diagnostics:
    """The services for people who inspect the server."""

    def __init__(self, *, reflects: bool, channelz: bool) -> None:
        self._executor = DedicatedExecutor("diagnostics", _THREADS)
        self.services: tuple[ServiceDescriptor, ...] = (
            *((V1, V1ALPHA) if reflects else ()),
            *((CHANNELZ,) if channelz else ()),
        )

    def add_to(self, server: grpc.Server, public: tuple[str, ...]) -> None:
        """Register the enabled services; reflection lists them and `public`."""
        if V1 in self.services:
            names = (*public, *(service.full_name for service in self.services))
            reflector = _Reflector(names)
            self._executor.run_methods(reflector, V1.methods_by_name)
            handler = grpc.stream_stream_rpc_method_handler(
                reflector.ServerReflectionInfo,
                pb.ServerReflectionRequest.FromString,
                pb.ServerReflectionResponse.SerializeToString,
            )
            for version in (V1, V1ALPHA):
                handlers = {version.methods[0].name: handler}
                generic = grpc.method_handlers_generic_handler(version.full_name, handlers)
                server.add_generic_rpc_handlers((generic,))
        if CHANNELZ in self.services:
            servicer = channelz.ChannelzServicer()
            self._executor.run_methods(servicer, CHANNELZ.methods_by_name)
            channelz_pb2_grpc.add_ChannelzServicer_to_server(servicer, server)

    def drain(self) -> None:
        """Cancel the open streams, which would otherwise delay the drain until its timeout."""
        self._executor.cancel_calls()


class _Reflector(ReflectionServicer):
    def __init__(self, services: Iterable[str]) -> None:
        """`services` are the full names to list."""
        super().__init__(services, cast("Any", _Pool()))

    def ServerReflectionInfo(  # type: ignore[override]  # noqa: N802 - the contract's name
        self, requests: Iterator[pb.ServerReflectionRequest], context: grpc.ServicerContext
    ) -> Iterator[pb.ServerReflectionResponse]:
        for request in requests:
            (answer,) = super().ServerReflectionInfo([request], context)
            answer.valid_host = request.host
            if answer.HasField("error_response"):
                answer.error_response.error_message = _problem(request)
            yield answer


class _Pool:
    """The pool of the process, which also knows methods, and values by the name of their enum."""

    def __getattr__(self, name: str) -> Any:
        return getattr(_POOL, name)

    def FindFileContainingSymbol(self, name: str) -> FileDescriptor:  # noqa: N802 - the pool's name
        """The file that defines a name. Raises KeyError for an unknown one."""
        try:
            return _POOL.FindFileContainingSymbol(name)
        except KeyError:
            parent, _, member = name.rpartition(".")
            file = _POOL.FindFileContainingSymbol(parent)
            if not _has_member(parent, member):
                raise
            return file


def _has_member(parent: str, name: str) -> bool:
    """Whether a service has a method, or an enum a value, of this name."""
    with suppress(KeyError):
        return name in _POOL.FindServiceByName(parent).methods_by_name
    with suppress(KeyError):
        return name in _POOL.FindEnumTypeByName(parent).values_by_name
    return False


def _problem(request: pb.ServerReflectionRequest) -> str:
    """Why a request has no other answer."""
    kind = request.WhichOneof("message_request")
    if kind is None:
        return "the request has no question"
    name = f"{getattr(request, kind)}".replace("\n", " ").strip()
    return f"{kind} is unknown: {name}"
