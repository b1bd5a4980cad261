"""A call is gone when it has ended; it does not wait for the garbage collector."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest

from autoquality import AutoQualityError, Client
from autoquality_server.config import Settings
from autoquality_server.process.app import App
from autoquality_server.rpc.request_context import RequestContext
from tests.photos import crop
from tests.waiting import until

PHOTO = crop("coffee.png", 48, 32)


@pytest.fixture(scope="module")
def app() -> Iterator[App]:
    networks: dict[str, Any] = {f"{fmt}_net": "none" for fmt in ("jpeg", "webp", "avif", "jxl")}
    server = App(Settings(listen="127.0.0.1:0", metrics_listen="", **networks))
    server.start()
    yield server
    server.drain()


@contextmanager
def without_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def alive() -> int:
    return sum(isinstance(one, RequestContext) for one in gc.get_objects())


CALLS: dict[str, Callable[[Client], object]] = {
    "quality": lambda client: client.encode(PHOTO, format="jpeg", quality=50),
    "search": lambda client: client.encode(PHOTO, format="webp", method="dssim", min_quality=10),
    "no image": lambda client: client.encode(b"no image"),
    "wrong field": lambda client: client.encode(PHOTO, max_quality=101),
    "compare": lambda client: client.compare(PHOTO, b"no image"),
    "stream": lambda client: list(client.encode_stream(PHOTO, format="jpeg", quality=50)),
    "refused stream": lambda client: list(client.encode_stream(b"no image")),
}


def test_nothing_refers_to_a_call_that_has_ended(app: App) -> None:
    """While something refers to it, gRPC counts it as an open stream of its connection."""
    with Client(f"127.0.0.1:{app.port}") as client, without_collector():
        before = alive()
        for _ in range(3):
            for call in CALLS.values():
                with suppress(AutoQualityError):
                    call(client)
        until(lambda: alive() <= before, reason="calls are still referred to")
