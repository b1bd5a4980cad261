"""Callers with one call after another, bursts of many calls at once, and pauses to measure in."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

from autoquality import Client
from bench.serving import Server, Vitals
from bench.soak.calls import Record, make
from bench.soak.pictures import Picture
from bench.soak.plan import Call, Plan

RESTS = (0.1, 0.3, 0.5, 0.75, 1.0)
"""The times of pauses, as parts of the whole. Memory is compared in pauses."""

SETTLE = 1.0
"""Seconds of a pause before the measurement."""

BURST = 40
"""Calls of a burst: more than fit into the queue of a small server."""

BURST_EVERY = 20.0
SAMPLES = 400


@dataclass(frozen=True)
class Sample:
    """The vitals of the server at a time, in seconds on the monotonic clock."""

    at: float
    vitals: Vitals


@dataclass
class Soaked:
    """The results; `start` is in seconds on the monotonic clock, `rests` belong to RESTS."""

    start: float
    seconds: float
    started: int = 0
    records: list[Record] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)
    rests: list[Sample] = field(default_factory=list)


class Load:
    """Callers and bursts on one server."""

    def __init__(
        self,
        server: Server,
        pictures: Sequence[Picture],
        *,
        seconds: float,
        callers: int,
        seed: int,
    ) -> None:
        self._server = server
        self._pictures = pictures
        self._callers = callers
        self._seed = seed
        self._open = threading.Condition()
        self._paused = False
        self._over = False
        self._active = 0
        self._client = Client(server.address, retries=4)
        self._bursts = Plan(f"{seed}-burst", pictures)
        self._soaked = Soaked(time.monotonic(), seconds)

    def run(self) -> Soaked:
        """Load the server, with a pause at the end."""
        soaked = self._soaked
        callers = [
            threading.Thread(
                target=self._call_on, args=(Plan(f"{self._seed}-{n}", self._pictures),)
            )
            for n in range(self._callers)
        ]
        with self._client, sampled(self._server, max(0.2, soaked.seconds / SAMPLES)) as samples:
            for caller in callers:
                caller.start()
            for part in RESTS:
                self._burst_until(soaked.start + part * soaked.seconds)
                self._rest()
            with self._open:
                self._over = True
                self._open.notify_all()
            for caller in callers:
                caller.join()
        soaked.samples = samples
        return soaked

    def _call_on(self, plan: Plan) -> None:
        """One caller, until the end."""
        while True:
            call = plan.draw()
            with self._open:
                self._open.wait_for(lambda: self._over or not self._paused)
                if self._over or not self._server.alive:
                    return
                self._active += 1
                self._soaked.started += 1
            try:
                self._note(make(call, self._server.address, self._client))
            finally:
                with self._open:
                    self._active -= 1
                    self._open.notify_all()

    def _burst_until(self, end: float) -> None:
        """A burst now, and one every BURST_EVERY seconds."""
        while True:
            self._burst([self._bursts.burst() for _ in range(BURST)])
            left = end - time.monotonic()
            if left <= 0 or not self._server.alive:
                return
            time.sleep(min(left, BURST_EVERY))
            if left <= BURST_EVERY:
                return

    def _burst(self, calls: Sequence[Call]) -> None:
        with self._open:
            self._soaked.started += len(calls)

        def one(call: Call) -> None:
            self._note(make(call, self._server.address, self._client))

        with ThreadPoolExecutor(len(calls)) as pool:
            list(pool.map(one, calls))

    def _rest(self) -> None:
        """Wait until all calls have ended, measure, and continue."""
        with self._open:
            self._paused = True
            self._open.wait_for(lambda: self._active == 0)
        if self._server.alive:
            while self._server.metric("autoquality_requests_in_flight"):
                time.sleep(0.1)
            time.sleep(SETTLE)
            self._soaked.rests.append(sample(self._server))
        with self._open:
            self._paused = False
            self._open.notify_all()

    def _note(self, record: Record) -> None:
        with self._open:
            self._soaked.records.append(record)


def sample(server: Server) -> Sample:
    """The vitals now. Raises OSError or KeyError if the server has ended."""
    return Sample(time.monotonic(), server.vitals())


@contextmanager
def sampled(server: Server, every: float) -> Iterator[list[Sample]]:
    """Add a sample to the list every so many seconds, while the server lives."""
    samples: list[Sample] = []
    end = threading.Event()

    def observe() -> None:
        while not end.wait(every):
            try:
                samples.append(sample(server))
            except (OSError, KeyError):
                return

    observer = threading.Thread(target=observe)
    observer.start()
    try:
        yield samples
    finally:
        end.set()
        observer.join()
