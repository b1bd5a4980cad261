"""Starts the server processes, replaces those that end, drains them."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Sequence
from concurrent.futures import CancelledError
from typing import Any, NamedTuple

from prometheus_client import CollectorRegistry, ProcessCollector

from autoquality_server.auth.exposure import warn_if_exposed
from autoquality_server.auth.tls import ServerTls
from autoquality_server.config import ConfigError, Settings
from autoquality_server.config.address import Reservation, StartError
from autoquality_server.process import CLEAN, FAILED, WRONG_SETTING, stop_signals
from autoquality_server.process.fatal import end_with_any_thread
from autoquality_server.process.service_manager import READY, STOPPING, notify
from autoquality_server.process.supervisor.metrics import MergedMetrics
from autoquality_server.process.supervisor.process import Process
from autoquality_server.process.supervisor.restarts import (
    CAUSES,
    START,
    Backoff,
    cause_of,
    in_words,
)
from autoquality_server.telemetry.logs import logger
from autoquality_server.telemetry.process_metrics import process_metrics
from autoquality_server.telemetry.server import MetricsServer

_DRAIN_MARGIN = 5.0
"""Seconds beyond the drain timeout before a process that drains is killed."""

_EXIT_MARGIN = 10.0
"""Seconds beyond the drain timeout after which the supervisor exits in any case."""

_REFRESH_TIMEOUT = 1.0
"""Seconds that a scrape waits for a process that does not answer."""

_log = logger(__name__)


class _End(NamedTuple):
    """The end of a process, for the log."""

    cause: str
    reason: str
    served_seconds: float = 0.0
    pid: int | None = None


class Supervisor:
    """Several processes on one port, from `run` to its end; for the main thread."""

    def __init__(self, settings: Settings, command: Sequence[str]) -> None:
        """`command` starts this program again.

        Raises StartError if an address is not free, ConfigError for files that cannot be used.
        """
        self._settings = settings
        self._tls = ServerTls(settings)
        self._reserved = {"listen": Reservation("AUTOQUALITY_LISTEN", settings.listen)}
        if settings.health_listen:
            health = Reservation("AUTOQUALITY_HEALTH_LISTEN", settings.health_listen)
            self._reserved["health-listen"] = health
        self._command = [*command, "--metrics-listen=off"]
        for name, reservation in self._reserved.items():
            self._command.append(f"--{name}={reservation.address}")
        own = CollectorRegistry()
        ProcessCollector(registry=own)
        self._restarts = process_metrics(own, settings.processes, self._ready, CAUSES)
        self._merged = MergedMetrics(own, self._refresh)
        self._metrics_server: MetricsServer | None = None
        self._processes: dict[int, Process] = {}
        """The running processes, by number."""
        self._draining = asyncio.Event()
        self._ready_logged = False
        self._has_served = False
        self._all_finished = True

    def run(self) -> int:
        """Serve until SIGTERM, SIGINT or SIGHUP, and return the exit status.

        Raises StartError or ConfigError if no process can start.
        """
        self._timer = end_with_any_thread()
        try:
            asyncio.run(self._serve())
        finally:
            for process in self._processes.values():
                process.reap()
            for reservation in self._reserved.values():
                reservation.close()
        _log.info("all processes stopped", finished=self._all_finished)
        return CLEAN if self._all_finished else FAILED

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        for number in stop_signals():
            self._loop.add_signal_handler(number, self._on_signal, number)
        settings = self._settings
        if settings.metrics_listen:
            registry = CollectorRegistry()
            registry.register(self._merged)
            self._metrics_server = MetricsServer(
                settings.metrics_listen, registry, self._tls.metrics_context
            )
        warn_if_exposed(settings)
        self._tls.log()
        _log.info("starting processes", **self._facts())
        try:
            await asyncio.gather(*map(self._keep, range(settings.processes)))
        finally:
            if self._metrics_server:
                self._metrics_server.close()

    async def _keep(self, number: int) -> None:
        """Run one process, and replace it each time it ends, until the drain."""
        backoff = Backoff()
        while not self._draining.is_set():
            end = await self._run(number)
            if self._draining.is_set():
                return
            delay = backoff.after(end.served_seconds)
            self._restarts.labels(end.cause).inc()
            _log.error("process ended", process=number, **end._asdict(), wait_seconds=delay)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._draining.wait(), delay)

    async def _run(self, number: int) -> _End:
        """Run one process until it ends.

        Raises StartError or ConfigError if it cannot start, unless another has served before.
        """
        settings = self._settings
        try:
            process = Process(number, self._command, settings.hung_grace, self._on_metrics)
        except OSError as error:  # out of memory, or too many processes
            return _End(START, error.strerror or "")
        self._processes[number] = process
        status = await process.run()
        del self._processes[number]
        self._merged.retire(process.pid)
        failure, reason = process.failure, in_words(status)
        if self._draining.is_set():
            # One that never served has accepted nothing.
            self._all_finished &= status == CLEAN or not process.serves
            _log.info("process ended", process=number, reason=reason)
        elif failure and not self._has_served:
            kind = ConfigError if failure["status"] == WRONG_SETTING else StartError
            raise kind(failure["failed"])
        return _End(
            cause_of(status, served=process.serves, unresponsive=process.unresponsive),
            failure["failed"] if failure else reason,
            round(process.served_seconds, 3),
            process.pid,
        )

    def _on_metrics(self, process: Process, changes: dict[str, Any]) -> None:
        self._merged.update(process.pid, changes)
        self._has_served = True
        if not self._ready_logged and self._ready() == self._settings.processes:
            self._ready_logged = True
            _log.info("ready", **self._facts())
            notify(READY)

    def _on_signal(self, number: int) -> None:
        """Drain on the first signal, exit at once on the second SIGTERM or SIGINT."""
        if self._draining.is_set():
            if number == signal.SIGHUP:
                return
            self._kill()
            os._exit(128 + number)
        self._timer.start(self._settings.drain_timeout + _EXIT_MARGIN, FAILED)
        self._draining.set()
        for process in self._processes.values():
            process.drain()
        _log.info("draining", processes=len(self._processes))
        notify(STOPPING)
        self._loop.call_later(self._settings.drain_timeout + _DRAIN_MARGIN, self._kill)

    def _kill(self) -> None:
        for process in self._processes.values():
            process.kill()

    def _refresh(self) -> None:
        """Wait, in another thread, until the processes have sent their metrics."""
        with contextlib.suppress(TimeoutError, CancelledError):
            asyncio.run_coroutine_threadsafe(self._poll(), self._loop).result(_REFRESH_TIMEOUT)

    async def _poll(self) -> None:
        serving = [one for one in self._processes.values() if one.serves]
        async with asyncio.timeout(_REFRESH_TIMEOUT):
            await asyncio.gather(*(one.poll() for one in serving))

    def _ready(self) -> int:
        """How many processes serve; called in other threads, too."""
        return sum(one.serves for one in tuple(self._processes.values()))

    def _facts(self) -> dict[str, Any]:
        settings = self._settings
        health = self._reserved.get("health-listen")
        given = ("listen", "metrics_listen", "processes", "workers", "queue_size")
        return {
            **{name: getattr(settings, name) for name in given},
            "port": self._reserved["listen"].port,
            "health_port": health.port if health else None,
            "metrics_port": self._metrics_server.port if self._metrics_server else None,
            "total_workers": settings.workers * settings.processes,
            "total_queue_size": settings.queue_size * settings.processes,
            "tls": bool(settings.tls_cert),
        }
