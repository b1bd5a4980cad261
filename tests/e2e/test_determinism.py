"""The same request gives the same bytes on an idle and on a busy server."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from autoquality import Client, Encoded
from tests.photos import crop, photo
from tests.servers import running_server

REQUESTS: tuple[tuple[bytes, dict[str, Any]], ...] = (
    (photo("coffee.png"), {"format": "webp", "auto_quality": "dssim:0.015:10:95:0.001"}),
    (photo("chelsea.png"), {"format": "avif", "auto_quality": "ml:0.02:10:95:0.0005"}),
    (photo("astronaut.png"), {"format": "jpeg", "auto_quality": "size:30000:10:95"}),
    (crop("rocket.jpg", 150, 90), {"format": "avif", "auto_quality": "dssim:0.01:1:100:0.0001"}),
    (crop("coffee.png", 90, 60), {"format": "webp", "auto_quality": "size:1500:1:100"}),
)


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A server with networks that may use an idle worker for a second probe."""
    settings = {
        "AUTOQUALITY_WORKERS": "3",
        "AUTOQUALITY_QUEUE_SIZE": "100",
        "AUTOQUALITY_PARALLEL_PROBES": "true",
    }
    with (
        running_server(tmp_path_factory.mktemp("busy"), settings) as server,
        Client(server.address) as client,
    ):
        yield client


def answer(found: Encoded) -> tuple[bytes, int | None, int | None, str]:
    return found.image, found.quality, found.predicted_quality, found.outcome


def test_idle_or_busy_unary_or_streamed_the_answer_is_the_same(busy: Client) -> None:
    idle = [answer(busy.encode(image, **options)) for image, options in REQUESTS]

    def again(turn: int) -> bool:
        at = turn % len(REQUESTS)
        image, options = REQUESTS[at]
        stream_above = 0 if turn % 2 else None
        return answer(busy.encode(image, stream_above=stream_above, **options)) == idle[at]

    with ThreadPoolExecutor(12) as callers:
        assert all(callers.map(again, range(30)))
