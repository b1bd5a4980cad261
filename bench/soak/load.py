"""Callers that make one call after another, bursts of many at once, pauses to measure in."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from autoquality import Client
from bench.serving import Server
from bench.soak.calls import Record, make
from bench.soak.pictures import Picture
from bench.soak.plan import Call, Plan
from bench.soak.watch import Sample, sample, watching

RESTS = (0.1, 0.3, 0.5, 0.75, 1.0)
"""When the load pauses, as parts of the whole: memory is compared at rest."""

SETTLE = 1.0
"""Seconds of rest before it is measured."""

BURST = 40
"""Calls of a burst: several more than may run and wait on a small server."""

BURST_EVERY = 20.0
SAMPLES = 400


@dataclass
class Soaked:
    """What happened: `start` in seconds on the monotonic clock, `rests` by RESTS."""

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
        """Load the server for as long as was asked, and rest at the end."""
        soaked = self._soaked
        callers = [
            threading.Thread(
                target=self._call_on, args=(Plan(f"{self._seed}-{n}", self._pictures),)
            )
            for n in range(self._callers)
        ]
        with self._client, watching(self._server, max(0.2, soaked.seconds / SAMPLES)) as samples:
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
        """One caller: one call after another, until the end."""
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
        """A burst at the beginning, and one every so many seconds."""
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
        """Let everything end, wait a moment, measure, and go on."""
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
