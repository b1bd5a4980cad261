"""The standard health service, on dedicated threads.

Busy workers, a full queue and slow uploads do not delay it. If the server requires certificates
or tokens, health probes without any can use a separate port. Each port has threads of its own, so
callers of one do not delay the checks of the other.

A watcher that takes no message holds the thread that sends it. So watches have other threads than
checks, no lock is held while a message is sent, and each message has a time limit.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

import grpc
from google.protobuf.descriptor import ServiceDescriptor
from grpc_health.v1 import health_pb2, health_pb2_grpc

from autoquality_core.errors import InvalidRequest, Overloaded
from autoquality_core.runtime.context import clock
from autoquality_server.config.address import StartError, check_free
from autoquality_server.rpc.executor import DedicatedExecutor
from autoquality_server.rpc.interceptors.call import LARGEST_CHECK
from autoquality_server.rpc.interceptors.transfers import TimeoutTimer

SERVICE: ServiceDescriptor = cast("Any", health_pb2.DESCRIPTOR).services_by_name["Health"]

TIMEOUT = 5.0
"""Seconds for a check to arrive, and for a watcher to take a message."""

_STALLED = 1.0
"""Seconds for a message, after which a drain does not wait for its watcher."""

MOST_WATCHES = 10_000
"""Open watches of a port. Each takes 24 KiB, and needs no token."""

_RETRY_SECONDS = 10.0
_THREADS = 4
_LONGEST_NAME = 256
_SETTING = "AUTOQUALITY_HEALTH_LISTEN"
_Response: Any = health_pb2.HealthCheckResponse


class Health:
    """The status of the server as a whole (`""`), of its services and of its parts. Thread-safe."""

    def __init__(self, services: tuple[str, ...], timer: TimeoutTimer) -> None:
        """Start as NOT_SERVING. `timer` limits the time to take a message of a watch."""
        self.timer = timer
        self._names = ("", *services)
        self._lock = threading.Lock()
        self.statuses: Mapping[str, Any] = dict.fromkeys(self._names, _Response.NOT_SERVING)
        """The status of each service and part, by name; a change makes another mapping."""
        self._servicers: list[_Servicer] = []
        self.draining = False
        """Whether the server is about to end: no status changes any more."""

    def add_to(self, server: grpc.Server) -> None:
        servicer = _Servicer(self)
        self._servicers.append(servicer)
        health_pb2_grpc.add_HealthServicer_to_server(servicer, server)

    def serving(self) -> None:
        self._set(self._names, serves=True)

    def part(self, name: str, serves: bool) -> None:
        """Set the status of a part; the status of the server as a whole does not depend on it."""
        self._set((name,), serves=serves)

    def drain(self) -> None:
        """Report NOT_SERVING from now on, and end the watches."""
        with self._lock:
            # In this order: a watch that sees that the server drains also sees the last status.
            self.statuses = dict.fromkeys(self.statuses, _Response.NOT_SERVING)
            self.draining = True
        for servicer in self._servicers:
            servicer.end_watches()

    def _set(self, names: Iterable[str], *, serves: bool) -> None:
        with self._lock:
            if self.draining:
                return
            status = _Response.SERVING if serves else _Response.NOT_SERVING
            self.statuses = {**self.statuses, **dict.fromkeys(names, status)}
        for servicer in self._servicers:
            servicer.update_watches()


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
        limited = {**dict(options), "grpc.max_receive_message_length": LARGEST_CHECK}
        # The calls run on the threads of the servicer; this one passes them on.
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="health-port")
        self._server = grpc.server(
            self._pool, interceptors=interceptors, options=tuple(limited.items())
        )
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
    """Sends the status of a service to one watcher, now and whenever it changes. Thread-safe."""

    def __init__(
        self, health: Health, name: str, call: grpc.ServicerContext, send: Callable[[Any], None]
    ) -> None:
        self._health = health
        self._name = name
        self._call = call
        self._send = send
        self._lock = threading.Lock()
        self._sent: Any = None
        self._sending = False
        self._since = 0.0
        self._is_last = False

    def update(self) -> None:
        """Send the newest status, and wait until the watcher has taken it.

        Returns at once if another thread does this: that one looks for a newer status afterwards.
        """
        with self._lock:
            if self._sending:
                return
            self._sending, self._since = True, clock()
        while self._has_news():
            with self._health.timer.running(self._call.cancel):
                self._send(_Response(status=self._sent))
            if self._is_last:  # `_sending` stays, so nothing follows the end
                self._send(None)
                return

    def end_if_stalled(self) -> bool:
        """Cancel the call if the watcher takes long for a message; returns whether so."""
        with self._lock:
            stalled = self._sending and clock() - self._since > _STALLED
        if stalled:
            self._call.cancel()
        return stalled

    def _has_news(self) -> bool:
        with self._lock:
            self._is_last = self._health.draining  # before the status
            newest = self._health.statuses.get(self._name, _Response.SERVICE_UNKNOWN)
            self._sending = newest != self._sent or self._is_last
            self._sent, self._since = newest, clock()
            return self._sending


class _Servicer(health_pb2_grpc.HealthServicer):
    """Unlike gRPC's own, it forgets a watch that has ended, and the name that it asked for."""

    def __init__(self, health: Health) -> None:
        self._health = health
        self._lock = threading.Lock()
        self._watches: set[_Watch] = set()
        self._watching = DedicatedExecutor("watch", _THREADS)
        self._watching.run_methods(self, ("Watch",))
        # All others: a caller without a token must reach no thread of requests.
        others = [name for name in SERVICE.methods_by_name if name != "Watch"]
        DedicatedExecutor("health", _THREADS).run_methods(self, others)

    def Check(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802 - gRPC's name
        statuses = self._health.statuses
        if request.service not in statuses:
            known = ", ".join(repr(name) for name in sorted(statuses))
            context.set_code(grpc.StatusCode.NOT_FOUND)
            context.set_details(f"service: must be one of {known}")
            return _Response()
        return _Response(status=statuses[request.service])

    def List(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802 - gRPC's name
        statuses = self._health.statuses
        return cast("Any", health_pb2).HealthListResponse(
            statuses={name: _Response(status=status) for name, status in statuses.items()}
        )

    def Watch(  # type: ignore[override]  # noqa: N802 - gRPC's name, its non-blocking form
        self, request: Any, context: grpc.ServicerContext, send: Callable[[Any], None]
    ) -> None:
        if len(request.service) > _LONGEST_NAME:
            raise InvalidRequest(
                "service",
                f"must have at most {_LONGEST_NAME} characters, has {len(request.service)}",
            )
        watch = _Watch(self._health, request.service, context, send)
        with self._lock:
            if len(self._watches) >= MOST_WATCHES:
                raise Overloaded("too many watches are open", _RETRY_SECONDS)
            self._watches.add(watch)
        if context.add_callback(lambda: self._forget(watch)):
            watch.update()
        else:
            self._forget(watch)

    Watch.experimental_non_blocking = True  # type: ignore[attr-defined]

    def update_watches(self) -> None:
        """Send changed statuses on the threads of the watches."""
        for watch in self._all():
            self._watching.submit(watch.update)

    def end_watches(self) -> None:
        """End them: a single one would delay the drain until its timeout."""
        for watch in self._all():
            if not watch.end_if_stalled():
                self._watching.submit(watch.update)

    def _all(self) -> tuple[_Watch, ...]:
        with self._lock:
            return tuple(self._watches)

    def _forget(self, watch: _Watch) -> None:
        with self._lock:
            self._watches.discard(watch)
