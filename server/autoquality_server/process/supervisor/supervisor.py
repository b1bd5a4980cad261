"""Starts the processes, replaces those that end, drains them."""

from __future__ import annotations

import selectors
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from prometheus_client import CollectorRegistry, ProcessCollector

from autoquality_server.auth.exposure import missing_defences
from autoquality_server.auth.metrics_tls import metrics_contexts
from autoquality_server.config import ConfigError, Settings
from autoquality_server.config.listening import StartError
from autoquality_server.process.exits import CLEAN, FAILED, WRONG_SETTING
from autoquality_server.process.fatal import end_with_any_thread
from autoquality_server.process.supervisor.backoff import Pace
from autoquality_server.process.supervisor.causes import CAUSES, cause_of, in_words
from autoquality_server.process.supervisor.merging import Merged
from autoquality_server.process.supervisor.poll import Rounds
from autoquality_server.process.supervisor.port import Reservation
from autoquality_server.process.supervisor.signals import Signals
from autoquality_server.process.supervisor.worker import Process
from autoquality_server.telemetry.logs import logger
from autoquality_server.telemetry.process_metrics import ProcessMetrics
from autoquality_server.telemetry.server import MetricsServer

_DRAIN_MARGIN = 5.0
"""Seconds beyond the drain timeout in which a process has to end by itself."""

_LONGEST_START = 120.0
"""Seconds that a process may take until it serves, at least: it loads networks, perhaps over a
network file system."""

_LONGEST_WAIT = 1.0
"""How often is looked whether a process has ended without closing its connection."""

_log = logger(__name__)


@dataclass
class _Place:
    """Where one process belongs, whether there is one or not."""

    number: int
    pace: Pace = field(default_factory=Pace)
    process: Process | None = None
    start_at: float = 0.0


class Supervisor:
    """Some processes on one port, from `run` to its end; for the main thread."""

    def __init__(self, settings: Settings, command: Sequence[str]) -> None:
        """`command` is this program again.

        Raises StartError if an address is not free, ConfigError for files that do not fit.
        """
        self._settings = settings
        self._command = command
        self._places = [_Place(number) for number in range(settings.processes)]
        self._metrics_contexts = metrics_contexts(settings)
        self._reserved = {"listen": Reservation("AUTOQUALITY_LISTEN", settings.listen)}
        if settings.health_listen:
            health = Reservation("AUTOQUALITY_HEALTH_LISTEN", settings.health_listen)
            self._reserved["health_listen"] = health
        self._signals = Signals(self._kill)
        self._rounds = Rounds(self._signals.poke)
        registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        self._metrics = ProcessMetrics(registry, settings.processes, self._ready, CAUSES)
        self._merged = Merged(registry, self._rounds.refresh)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._signals.wake, selectors.EVENT_READ)
        self._metrics_server: MetricsServer | None = None
        self._told_ready = False
        self._has_served = False
        self._drain_end: float | None = None
        self._all_finished = True

    def run(self) -> int:
        """Serve until SIGTERM or SIGINT, and give the exit status.

        Raises StartError, and ConfigError, where no process can start or a file does not fit.
        """
        end_with_any_thread()
        try:
            self._start()
            while self._drain_end is None or self._processes():
                self._turn()
        finally:
            self._kill()
            self._close()
        _log.info("all processes stopped", finished=self._all_finished)
        return CLEAN if self._all_finished else FAILED

    def _start(self) -> None:
        settings = self._settings
        if settings.metrics_listen:
            registry = CollectorRegistry()
            registry.register(self._merged)
            self._metrics_server = MetricsServer(
                settings.metrics_listen, registry, self._metrics_contexts
            )
        missing = missing_defences(settings)
        if missing:
            _log.warning("others than this machine can reach the server", missing=missing)
        _log.info("starting processes", **self._facts())

    def _turn(self) -> None:
        """Wait for something to happen, and see to it."""
        if self._signals.told and self._drain_end is None:
            self._drain()
        if self._drain_end is not None and time.monotonic() > self._drain_end:
            self._kill()
        for place in self._due():
            self._begin(place)
        for key, _ in self._selector.select(self._wait_seconds()):
            if key.data is None:
                self._signals.calm()
        for place in self._places:
            if place.process is not None:
                self._look(place, place.process)
        self._ask()

    def _wait_seconds(self) -> float:
        waits = [_LONGEST_WAIT, self._rounds.seconds_left]
        if self._drain_end is None:
            now = time.monotonic()
            waits += [max(0.0, one.start_at - now) for one in self._places if not one.process]
        return min(waits)

    # --- processes come and go --------------------------------------------------

    def _due(self) -> Iterator[_Place]:
        now = time.monotonic()
        for place in self._places:
            if self._drain_end is None and place.process is None and place.start_at <= now:
                yield place

    def _begin(self, place: _Place) -> None:
        try:
            addresses = {name: one.address for name, one in self._reserved.items()}
            process = Process(place.number, self._command, addresses)
        except OSError as error:  # no memory, or no more processes allowed
            self._delay(place, "start", error.strerror or "", 0.0)
            return
        place.process = process
        self._selector.register(process.socket, selectors.EVENT_READ, process)

    def _look(self, place: _Place, process: Process) -> None:
        """Read what a process has said, and see whether it is still there."""
        ended = process.ended  # before reading, lest the last words come in between
        for message in process.messages():
            if "ready" in message:
                process.ready_since = time.monotonic()
                self._has_served = True
                self._tell_ready()
            elif "failed" in message:
                process.failure = message
            elif "told" in message:
                self._merged.learn(process.pid, message["numbers"])
                process.told(message["told"])
        grace = self._settings.hung_grace
        late = process.ready_since is None and process.age > max(grace, _LONGEST_START)
        if grace and (late or process.silent_seconds > grace) and not process.silent:
            _log.error("a process does not answer", process=place.number, pid=process.pid)
            process.silent = True
            process.kill()
        if ended or process.ended:
            self._end(place, process)

    def _end(self, place: _Place, process: Process) -> None:
        self._selector.unregister(process.socket)
        place.process = None
        served, began = process.served_seconds, process.ready_since is not None
        status = process.bury()
        self._merged.bury(process.pid)
        if self._drain_end is not None:
            # One that never served has accepted nothing.
            self._all_finished &= status == CLEAN or not began
            _log.info("process ended", process=place.number, why=in_words(status))
            return
        if process.failure is not None and not self._has_served:
            kind = ConfigError if process.failure["status"] == WRONG_SETTING else StartError
            raise kind(process.failure["failed"])
        why = process.failure["failed"] if process.failure else in_words(status)
        cause = cause_of(status, served=began, silent=process.silent)
        self._delay(place, cause, why, served, pid=process.pid)

    def _delay(self, place: _Place, cause: str, why: str, served: float, **facts: object) -> None:
        delay = place.pace.after(served)
        place.start_at = time.monotonic() + delay
        self._metrics.ended(cause)
        _log.error(
            "process ended",
            process=place.number,
            cause=cause,
            why=why,
            served_seconds=round(served, 3),
            next_in_seconds=delay,
            **facts,
        )

    # --- numbers ----------------------------------------------------------------

    def _ask(self) -> None:
        number = self._rounds.begin()
        serving = [one for one in self._processes() if one.ready_since is not None]
        if number is not None:
            for process in serving:
                process.ask(number)
        owed = [one.first_owed for one in serving if one.first_owed is not None]
        self._rounds.owed(min(owed, default=None))

    # --- the end ----------------------------------------------------------------

    def _drain(self) -> None:
        seconds = self._settings.drain_timeout
        self._drain_end = time.monotonic() + seconds + _DRAIN_MARGIN
        _log.info("draining", processes=len(self._processes()))
        for process in self._processes():
            # One that does not serve yet has accepted nothing.
            process.kill() if process.ready_since is None else process.drain()

    def _kill(self) -> None:
        for process in self._processes():
            process.kill()

    def _close(self) -> None:
        for process in self._processes():
            process.bury()
        if self._metrics_server:
            self._metrics_server.close()
        self._selector.close()
        self._signals.close()
        for reservation in self._reserved.values():
            reservation.close()

    # --- what there is ----------------------------------------------------------

    def _processes(self) -> list[Process]:
        return [place.process for place in self._places if place.process is not None]

    def _ready(self) -> int:
        """How many processes serve."""
        return sum(one.ready_since is not None for one in self._processes())

    def _tell_ready(self) -> None:
        if not self._told_ready and self._ready() == len(self._places):
            self._told_ready = True
            _log.info("ready", **self._facts())

    def _facts(self) -> dict[str, Any]:
        settings = self._settings
        return {
            "listen": settings.listen,
            "port": self._reserved["listen"].port,
            "health_port": health.port if (health := self._reserved.get("health_listen")) else None,
            "metrics_listen": settings.metrics_listen,
            "metrics_port": self._metrics_server.port if self._metrics_server else None,
            "processes": settings.processes,
            "workers": settings.workers * settings.processes,
            "queue_size": settings.queue_size * settings.processes,
            "tls": bool(settings.tls_cert),
        }
