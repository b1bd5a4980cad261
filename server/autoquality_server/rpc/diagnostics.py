"""Reflection and channelz, on dedicated threads.

A reflection stream holds its thread until its client closes it. On the threads of the workers, a
few of them would stop the service.
"""

from __future__ import annotations

from typing import Any, cast

import grpc
from google.protobuf.descriptor import ServiceDescriptor
from grpc_channelz.v1 import channelz, channelz_pb2, channelz_pb2_grpc
from grpc_reflection.v1alpha import reflection, reflection_pb2, reflection_pb2_grpc

from autoquality_server.rpc.executor import DedicatedExecutor

REFLECTION: ServiceDescriptor = cast("Any", reflection_pb2.DESCRIPTOR).services_by_name[
    "ServerReflection"
]
CHANNELZ: ServiceDescriptor = channelz_pb2.DESCRIPTOR.services_by_name["Channelz"]

_THREADS = 4


class Diagnostics:
    """The services for people who inspect the server."""

    def __init__(self, *, reflection: bool, channelz: bool) -> None:
        self._executor = DedicatedExecutor("diagnostics", _THREADS)
        self.services: tuple[ServiceDescriptor, ...] = (
            *((REFLECTION,) if reflection else ()),
            *((CHANNELZ,) if channelz else ()),
        )

    def add_to(self, server: grpc.Server, public: tuple[str, ...]) -> None:
        """Register the enabled services; reflection lists them and `public`."""
        if REFLECTION in self.services:
            names = (*public, *(service.full_name for service in self.services))
            reflector = reflection.ReflectionServicer(names)
            self._executor.run_methods(reflector, REFLECTION)
            cast("Any", reflection_pb2_grpc).add_ServerReflectionServicer_to_server(
                reflector, server
            )
        if CHANNELZ in self.services:
            servicer = channelz.ChannelzServicer()
            self._executor.run_methods(servicer, CHANNELZ)
            channelz_pb2_grpc.add_ChannelzServicer_to_server(servicer, server)

    def drain(self) -> None:
        """Cancel the open streams, which would otherwise delay the drain until its timeout."""
        self._executor.cancel_calls()
