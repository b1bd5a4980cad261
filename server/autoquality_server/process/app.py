"""Wires the parts of a server together, starts it and drains it.

start    bind -> health checks say NOT_SERVING, encodings wait -> warm up -> SERVING
         (on a shared port: warm up -> bind -> SERVING)
drain    NOT_SERVING -> refuse new calls -> finish the accepted ones -> close
give up  as drain, in a process where a request hangs: do not wait for that one
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

import grpc
from google.protobuf.descriptor import ServiceDescriptor
from prometheus_client import CollectorRegistry

from autoquality.v1 import encoding_pb2, encoding_pb2_grpc
from autoquality_server.admission import Admission
from autoquality_server.auth.exposure import warn_if_exposed
from autoquality_server.auth.identity import identifier
from autoquality_server.auth.rates import Rates
from autoquality_server.auth.tls import ServerTls
from autoquality_server.config import ConfigError, Settings
from autoquality_server.config.address import StartError, check_free
from autoquality_server.process.service_manager import READY, STOPPING, notify
from autoquality_server.process.supervisor.restarts import CAUSES
from autoquality_server.rpc import health
from autoquality_server.rpc.diagnostics import Diagnostics
from autoquality_server.rpc.executor import CallExecutor
from autoquality_server.rpc.health import Health, HealthServer
from autoquality_server.rpc.interceptors import interceptors, open_interceptors
from autoquality_server.rpc.interceptors.transfers import TimeoutTimer
from autoquality_server.rpc.options import HEADROOM, grpc_options
from autoquality_server.rpc.watchdog import Watchdog
from autoquality_server.telemetry.logs import logger
from autoquality_server.telemetry.metrics import Metrics, declare_load
from autoquality_server.telemetry.process_metrics import process_metrics
from autoquality_server.telemetry.rpc_metrics import RpcMetrics
from autoquality_server.telemetry.server import MetricsServer

if TYPE_CHECKING:  # imported late: these import libvips, and OpenTelemetry for traces
    from autoquality_server.rpc.servicer import EncodingServicer
    from autoquality_server.telemetry.traces import Traces

ENCODING: ServiceDescriptor = encoding_pb2.DESCRIPTOR.services_by_name["EncodingService"]

_CUT_OFF_MARGIN = 60.0
"""Seconds beyond the drain timeout before gRPC cancels calls: longer than our own wait, so that the
calls still running can be counted."""

_CHECK_INTERVAL = 0.05
_LAST_ANSWERS = 1.0
"""Seconds for the last answers to be sent after their requests have finished."""

_log = logger(__name__)


ServiceFactory: TypeAlias = "Callable[[Settings, Admission, Metrics], EncodingServicer]"


def build_default_service(
    settings: Settings, admission: Admission, metrics: Metrics
) -> EncodingServicer:
    """Build the real service; imported late, as it loads libvips and more."""
    from autoquality_server.rpc.servicer import EncodingServicer

    return EncodingServicer(settings, admission, metrics)


def traces_of(settings: Settings) -> Traces | None:
    """Open the traces, or return None if they are off. Raises ConfigError."""
    if not settings.tracing:
        return None
    try:
        from autoquality_server.telemetry.traces import open_traces

        return open_traces()
    except ImportError:
        raise ConfigError(
            "AUTOQUALITY_TRACING: needs OpenTelemetry: pip install 'autoquality[otel]'"
        ) from None
    except ValueError as error:  # OTEL_PROPAGATORS is read by the import, OTEL_BSP_* later
        message = f"AUTOQUALITY_TRACING: the OTEL_* variables cannot be used: {error}"
        raise ConfigError(message) from None


class App:
    """A server, from `start` to `drain`."""

    def __init__(
        self,
        settings: Settings,
        service_factory: ServiceFactory = build_default_service,
        *,
        shares_port: bool = False,
        on_hang: Callable[[], None] = lambda: None,
    ) -> None:
        """Build all parts, but do not listen yet. Raises ConfigError for files that cannot be used.

        `shares_port` is for one of several processes. `on_hang` is called once when a request
        hangs: then the process has to be replaced.
        """
        self._settings = settings
        self._shares_port = shares_port
        self._tls = ServerTls(settings)
        self._credentials = self._tls.credentials()
        self.admission = Admission(
            settings.workers, settings.queue_size, settings.max_pixels_in_flight
        )
        self.registry = CollectorRegistry()
        metrics = Metrics(self.registry)
        if not shares_port:
            process_metrics(self.registry, 1, lambda: int(bool(self.port)), CAUSES)
        self._uploads = TimeoutTimer(settings.upload_timeout)
        self._downloads = TimeoutTimer(settings.download_timeout)
        self._checks = TimeoutTimer(min(settings.upload_timeout or health.TIMEOUT, health.TIMEOUT))
        declare_load(self.registry, self.admission, self._uploads, self._tls.expiries())
        self._traces = traces_of(settings)
        self._health = Health((ENCODING.full_name,), self._checks)
        self._watchdog = Watchdog(settings.hung_grace, on_hang)
        self._diagnostics = Diagnostics(reflects=settings.reflection, channelz=settings.channelz)
        services = (ENCODING, health.SERVICE, *self._diagnostics.services)
        threads = settings.workers + settings.queue_size + HEADROOM
        self._pool = CallExecutor(threads, thread_name_prefix="rpc")
        rpc_metrics = RpcMetrics(self.registry, services)
        self._options = grpc_options(settings, threads, shares_port=shares_port)
        self._server = grpc.server(
            self._pool,
            interceptors=interceptors(
                ENCODING.full_name,
                watchdog=self._watchdog,
                rpc_metrics=rpc_metrics,
                rejected=metrics.reject,
                identify=identifier(settings),
                open_services=frozenset({health.SERVICE.full_name} if settings.open_health else ()),
                rates=Rates("requests", settings.client_requests_per_second),
                uploads=self._uploads,
                downloads=self._downloads,
                checks=self._checks,
                pool=self._pool,
                traces=self._traces,
            ),
            options=self._options,
        )
        self._open = open_interceptors(rpc_metrics, metrics.reject, self._checks)
        self._health_server: HealthServer | None = None
        self._service = service_factory(settings, self.admission, metrics)
        encoding_pb2_grpc.add_EncodingServiceServicer_to_server(self._service, self._server)
        self._health.add_to(self._server)
        self._diagnostics.add_to(self._server, (ENCODING.full_name, health.SERVICE.full_name))
        self._metrics_server: MetricsServer | None = None
        self.port = 0
        """The gRPC port once started; 1 for a Unix socket."""
        self.metrics_port: int | None = None
        self.health_port: int | None = None
        """Those of the metrics and of separate health checks once started, None without."""

    def start(self) -> None:
        """Listen, warm up, serve. Raises StartError if an address is not available."""
        settings = self._settings
        if self._shares_port:
            # A process that listens gets connections at once, so warm up first.
            self._service.warm_up()
            self._listen()
        else:
            check_free("AUTOQUALITY_LISTEN", settings.listen)
            warn_if_exposed(settings)
            self._tls.log()
            self._listen()
            self._service.warm_up()
        self._service.report_parts(self._health.part)
        self._health.serving()
        _log.info(
            "process ready" if self._shares_port else "ready",
            listen=settings.listen,
            port=self.port,
            metrics_listen=settings.metrics_listen,
            metrics_port=self.metrics_port,
            health_port=self.health_port,
            workers=settings.workers,
            queue_size=settings.queue_size,
            tls=self._credentials is not None,
        )
        if not self._shares_port:
            notify(READY)

    def _listen(self) -> None:
        """Open the ports of health checks, of the metrics and of gRPC."""
        settings = self._settings
        if settings.health_listen:
            self._health_server = HealthServer(
                settings.health_listen,
                self._health,
                self._open,
                self._options,
                shares_port=self._shares_port,
            )
            self.health_port = self._health_server.port
        if settings.metrics_listen:
            self._metrics_server = MetricsServer(
                settings.metrics_listen, self.registry, self._tls.metrics_context
            )
            self.metrics_port = self._metrics_server.port
        try:
            if self._credentials is None:
                self.port = self._server.add_insecure_port(settings.listen)
            else:
                self.port = self._server.add_secure_port(settings.listen, self._credentials)
        except RuntimeError:
            message = f"AUTOQUALITY_LISTEN: cannot listen on {settings.listen}"
            raise StartError(message) from None
        self._server.start()

    @property
    def hangs(self) -> bool:
        return self._watchdog.hung

    def give_up(self) -> None:
        """Refuse new calls, and finish those with a caller within the drain timeout.

        Closes no part, as the request that hangs may hold any lock.
        """
        seconds = self._settings.drain_timeout
        stopped = self._refuse("giving up")
        end = time.monotonic() + seconds
        while self._watchdog.has_waiting_callers() and time.monotonic() < end:
            stopped.wait(_CHECK_INTERVAL)
        stopped.wait(min(seconds, _LAST_ANSWERS))

    def drain(self) -> bool:
        """Refuse new calls and finish the accepted ones; returns whether all finished in time.

        A request is accepted once it has been received completely, and finished once its caller has
        the answer.
        """
        if not self._shares_port:
            notify(STOPPING)
        stopped = self._refuse("draining")
        finished = stopped.wait(self._settings.drain_timeout)
        cut_off = 0
        if not finished:
            cut_off = self.admission.running + self.admission.queued + len(self._downloads)
            self._server.stop(grace=0)
        stopped.wait()
        self._pool.shutdown(wait=False, cancel_futures=True)
        for part in (
            *(self._uploads, self._downloads, self._checks, self._watchdog, self._service),
            *(self._traces, self._health_server, self._metrics_server),
        ):
            if part is not None:
                part.close()
        _log.info("stopped", cut_off=cut_off)
        return not cut_off

    def _refuse(self, event: str) -> threading.Event:
        """Refuse new calls; returns what is set once the accepted ones have ended."""
        _log.info(event, running=self.admission.running, queued=self.admission.queued)
        self._health.drain()
        stopped = self._server.stop(grace=self._settings.drain_timeout + _CUT_OFF_MARGIN)
        self._diagnostics.drain()
        return stopped
