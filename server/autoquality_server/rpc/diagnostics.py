"""Reflection and channelz, on dedicated threads.

A reflection stream holds its thread until its client closes it. On the threads of the workers, a
few of them would stop the service.

grpcio-reflection has version v1alpha only, and finds services and messages but no methods. The
messages of both versions have the same fields, so the classes of v1alpha serve both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Any, cast

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, text_format
from google.protobuf.descriptor import FileDescriptor, ServiceDescriptor
from grpc_channelz.v1 import channelz, channelz_pb2, channelz_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2 as pb

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
            self._executor.run_methods(reflector, V1)
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
            self._executor.run_methods(servicer, CHANNELZ)
            channelz_pb2_grpc.add_ChannelzServicer_to_server(servicer, server)

    def drain(self) -> None:
        """Cancel the open streams, which would otherwise delay the drain until its timeout."""
        self._executor.cancel_calls()


class _Reflector:
    """Answers questions about the names and files that the process knows."""

    def __init__(self, services: Iterable[str]) -> None:
        """`services` are the full names to list."""
        self._services = sorted(services)

    def ServerReflectionInfo(  # noqa: N802 - the contract's name
        self, requests: Iterator[pb.ServerReflectionRequest], context: grpc.ServicerContext
    ) -> Iterator[pb.ServerReflectionResponse]:
        """Yield one answer to each request."""
        for request in requests:
            answer = self._answer(request)
            answer.valid_host = request.host
            answer.original_request.CopyFrom(request)
            yield answer

    def _answer(self, request: pb.ServerReflectionRequest) -> pb.ServerReflectionResponse:
        kind = request.WhichOneof("message_request")
        if kind is None:
            return _error(grpc.StatusCode.INVALID_ARGUMENT, "the request has no question")
        if kind == "list_services":
            names = [pb.ServiceResponse(name=name) for name in self._services]
            listed = pb.ListServiceResponse(service=names)
            return pb.ServerReflectionResponse(list_services_response=listed)
        asked = getattr(request, kind)
        try:
            return _FINDERS[kind](asked)
        except KeyError:
            name = f"{asked}".replace("\n", " ").strip()
            return _error(grpc.StatusCode.NOT_FOUND, f"{kind} is unknown: {name}")


def _file_of_symbol(name: str) -> FileDescriptor:
    """The file that defines a message, enum, value, field, service or method.

    Raises KeyError for other names.
    """
    try:
        return _POOL.FindFileContainingSymbol(name)
    except KeyError:
        # The pool knows no methods, and values by the scope of their enum only.
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


def _file_of_extension(asked: pb.ExtensionRequest) -> FileDescriptor:
    extended = _POOL.FindMessageTypeByName(asked.containing_type)
    extension: Any = _POOL.FindExtensionByNumber(extended, asked.extension_number)
    return extension.file  # type: ignore[no-any-return]


def _extensions(name: str) -> pb.ServerReflectionResponse:
    found = _POOL.FindAllExtensions(_POOL.FindMessageTypeByName(name))
    numbers = pb.ExtensionNumberResponse(
        base_type_name=name, extension_number=sorted(one.number for one in found)
    )
    return pb.ServerReflectionResponse(all_extension_numbers_response=numbers)


def _files(file: FileDescriptor) -> pb.ServerReflectionResponse:
    """A file, then all that it imports."""
    found = {file.name: file}
    waiting = [file]
    while waiting:
        new = [one for one in waiting.pop().dependencies if one.name not in found]
        found.update((one.name, one) for one in new)
        waiting += new
    protos = [one.serialized_pb for one in found.values()]
    response = pb.FileDescriptorResponse(file_descriptor_proto=protos)
    return pb.ServerReflectionResponse(file_descriptor_response=response)


def _error(code: grpc.StatusCode, message: str) -> pb.ServerReflectionResponse:
    number: int = code.value[0]
    error = pb.ErrorResponse(error_code=number, error_message=message)
    return pb.ServerReflectionResponse(error_response=error)


_FINDERS: dict[str, Callable[[Any], pb.ServerReflectionResponse]] = {
    "file_by_filename": lambda name: _files(_POOL.FindFileByName(name)),
    "file_containing_symbol": lambda name: _files(_file_of_symbol(name)),
    "file_containing_extension": lambda asked: _files(_file_of_extension(asked)),
    "all_extension_numbers_of_type": _extensions,
}
