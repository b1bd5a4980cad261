"""Threads that call without a pause, and report a failed call."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeAlias

from autoquality import Client
from tests.photos import crop
from tests.rpc.conftest import Process, scrape
from tests.servers import RunningServer
from tests.waiting import until

PHOTO = crop("coffee.png", 96, 64)
CALLERS = 4

Server: TypeAlias = RunningServer | Process

_HANDLED = (
    'grpc_server_handled_total{grpc_code="OK",grpc_method="Encode",'
    'grpc_service="autoquality.v1.EncodingService",grpc_type="unary"}'
)


class Callers:
    """Several threads that call until they are stopped."""

    def __init__(self) -> None:
        self.stop = threading.Event()
        self._loops: list[Future[int]] = []

    def start(self, client: Client, pool: ThreadPoolExecutor) -> None:
        self._loops = [pool.submit(self._call, client) for _ in range(CALLERS)]

    def wait_until_served(self, server: Server, more: int = 5) -> None:
        """Wait until `server` has answered `more` requests, or until a call fails."""
        goal = served(server) + more
        until(
            lambda: served(server) >= goal or any(loop.done() for loop in self._loops),
            within=60,
            reason=f"{more} more answers from one server",
        )

    def answered(self) -> list[int]:
        """Return the number of answers of each thread. Raises the error of a failed call."""
        return [loop.result(120) for loop in self._loops]

    def _call(self, client: Client) -> int:
        answered = 0
        while not self.stop.wait(0.01):  # the servers need the processor too
            client.encode(PHOTO, format="webp", method="dssim")
            answered += 1
        return answered


@contextmanager
def calling(client: Client) -> Iterator[Callers]:
    """Call during the body. A failed call fails the test."""
    callers = Callers()
    with ThreadPoolExecutor(CALLERS) as pool:
        callers.start(client, pool)
        try:
            yield callers
        finally:
            callers.stop.set()
        assert all(callers.answered())


def served(server: Server) -> int:
    """Return the number of images that a server has encoded."""
    return int(scrape(server.metrics_port)[_HANDLED])
