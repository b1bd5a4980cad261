"""The standard health service, on dedicated threads.

Busy workers, a full queue and slow uploads do not delay it. If the server requires certificates
or tokens, health probes without any can use a separate port.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

import grpc
from google.protobuf.descriptor import ServiceDescriptor
from grpc_health.v1 import health as grpc_health
from grpc_health.v1 import health_pb2, health_pb2_grpc

from autoquality_server.config.address import StartError, check_free
from autoquality_server.rpc.executor import DedicatedExecutor

SERVICE: ServiceDescriptor = cast("Any", health_pb2.DESCRIPTOR).services_by_name["Health"]

_THREADS = 4
_SETTING = "AUTOQUALITY_HEALTH_LISTEN"


class Health:
    """The status of the server as a whole (`""`), of its services and of its parts."""

    def __init__(self, services: tuple[str, ...]) -> None:
        """Start as NOT_SERVING."""
        self._names = ("", *services)
        self._servicer = _Servicer()
        self._set(health_pb2.HealthCheckResponse.NOT_SERVING)
        DedicatedExecutor("health", _THREADS).run_methods(self._servicer, SERVICE)

    def add_to(self, server: grpc.Server) -> None:
        health_pb2_grpc.add_HealthServicer_to_server(self._servicer, server)

    def serving(self) -> None:
        self._set(health_pb2.HealthCheckResponse.SERVING)

    def part(self, name: str, serves: bool) -> None:
        """Set the status of a part; the status of the server as a whole does not depend on it."""
        status = health_pb2.HealthCheckResponse
        self._servicer.set(name, status.SERVING if serves else status.NOT_SERVING)

    def drain(self) -> None:
        """Report NOT_SERVING from now on, and end the watches."""
        self._servicer.enter_graceful_shutdown()
        self._servicer.end_watches()

    def _set(self, status: int) -> None:
        for name in self._names:
            self._servicer.set(name, status)


class HealthServer:
    """Serves health checks only, without TLS, from construction until `close`."""

    def __init__(
        self,
        address: str,
        health: Health,
        interceptors: list[grpc.ServerInterceptor],
        options: Sequence[tuple[str, int]],
        *,
        shares_port: bool = False,
    ) -> None:
        """Raises StartError if the address is in use; with `shares_port`, processes share it."""
        if not shares_port:
            check_free(_SETTING, address)
        # The calls run on the threads of `health`; this one passes them on.
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="health-port")
        self._server = grpc.server(self._pool, interceptors=interceptors, options=options)
        health.add_to(self._server)
        try:
            self.port = self._server.add_insecure_port(address)
        except RuntimeError:
            raise StartError(f"{_SETTING}: cannot listen on {address}") from None
        self._server.start()

    def close(self) -> None:
        self._server.stop(grace=0).wait()
        self._pool.shutdown(wait=False)


class _Watch:
    """Sends responses to one watcher until None, which ends the stream."""

    def __init__(self, send: Callable[[Any], None]) -> None:
        self._send = send
        self._ended = False

    def __call__(self, response: Any) -> None:
        if not self._ended:
            self._ended = response is None
            self._send(response)


class _Servicer(grpc_health.HealthServicer):
    """Can end its watches: a single one would delay the drain until its timeout."""

    def __init__(self) -> None:
        super().__init__(experimental_non_blocking=True)
        self._watches_lock = threading.Lock()
        self._watches: set[_Watch] = set()

    def Watch(  # type: ignore[override]  # noqa: N802 - gRPC's name, its non-blocking form
        self, request: Any, context: grpc.ServicerContext, send: Callable[[Any], None]
    ) -> None:
        watch = _Watch(send)
        with self._watches_lock:
            self._watches.add(watch)
        if context.add_callback(lambda: self._forget(watch)):
            super().Watch(request, context, watch)
        else:
            self._forget(watch)

    def end_watches(self) -> None:
        with self._watches_lock:
            watches = tuple(self._watches)
        for watch in watches:
            watch(None)

    def _forget(self, watch: _Watch) -> None:
        with self._watches_lock:
            self._watches.discard(watch)
