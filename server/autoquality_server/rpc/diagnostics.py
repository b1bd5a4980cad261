"""Reflection and channelz, on dedicated threads.

A reflection stream holds its thread until its client closes it. On the threads of the workers, a
few of them would stop the service.
"""

from __future__ import annotations

import grpc
from google.protobuf.descriptor import ServiceDescriptor
from grpc_channelz.v1 import channelz, channelz_pb2, channelz_pb2_grpc

from autoquality_server.rpc import reflection
from autoquality_server.rpc.executor import DedicatedExecutor

REFLECTION: tuple[ServiceDescriptor, ...] = (reflection.V1, reflection.V1ALPHA)
CHANNELZ: ServiceDescriptor = channelz_pb2.DESCRIPTOR.services_by_name["Channelz"]

_THREADS = 4


class Diagnostics:
    """The services for people who inspect the server."""

    def __init__(self, *, reflects: bool, channelz: bool) -> None:
        self._executor = DedicatedExecutor("diagnostics", _THREADS)
        self.services: tuple[ServiceDescriptor, ...] = (
            *(REFLECTION if reflects else ()),
            *((CHANNELZ,) if channelz else ()),
        )

    def add_to(self, server: grpc.Server, public: tuple[str, ...]) -> None:
        """Register the enabled services; reflection lists them and `public`."""
        if reflection.V1 in self.services:
            names = (*public, *(service.full_name for service in self.services))
            reflector = reflection.ReflectionServicer(names)
            self._executor.run_methods(reflector, reflection.V1)
            reflection.add_to(server, reflector)
        if CHANNELZ in self.services:
            servicer = channelz.ChannelzServicer()
            self._executor.run_methods(servicer, CHANNELZ)
            channelz_pb2_grpc.add_ChannelzServicer_to_server(servicer, server)

    def drain(self) -> None:
        """Cancel the open streams, which would otherwise delay the drain until its timeout."""
        self._executor.cancel_calls()
