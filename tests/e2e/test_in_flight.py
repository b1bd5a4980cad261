"""Pixels in flight are bounded under real load: so is the memory, and nobody waits for ever."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import pyvips

from autoquality import AvifOptions, Client, InvalidImageError
from autoquality_server.config.resources import BYTES_A_PIXEL
from tests.photos import crop
from tests.rpc.conftest import scrape
from tests.servers import NO_NETWORKS, RunningServer, running_server
from tests.waiting import LIMIT, until

SIDES = 3000, 2000
LARGE = bytes(pyvips.Image.xyz(*SIDES).bandjoin(128).cast("uchar").pngsave_buffer(compression=1))
SMALL = crop("chelsea.png", 200, 150)
BOUND = SIDES[0] * SIDES[1]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    settings = {"WORKERS": "8", "MAX_RESOLUTION": "6", "MAX_RESOLUTION_IN_FLIGHT": "6"}
    environment = {f"AUTOQUALITY_{name}": text for name, text in settings.items()}
    folder = tmp_path_factory.mktemp("bounded")
    with running_server(folder, {**NO_NETWORKS, **environment}) as running:
        yield running


@pytest.fixture(scope="module")
def client(server: RunningServer) -> Iterator[Client]:
    with Client(server.address) as connected:
        yield connected


def large(client: Client) -> None:
    client.encode(LARGE, format="avif", quality=50, avif=AvifOptions(speed=9))


def small(client: Client) -> None:
    client.encode(SMALL, format="jpeg")


def peak(server: RunningServer) -> int:
    """The most memory that the process ever had, in bytes."""
    status = Path(f"/proc/{server.process.pid}/status").read_text().splitlines()
    line = next(line for line in status if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024


def repeat(work: Callable[[Client], None], client: Client, over: threading.Event) -> int:
    times = 0
    while not over.is_set():
        work(client)
        times += 1
    return times


def test_memory_stays_under_the_bound_however_many_large_images_come(
    server: RunningServer, client: Client
) -> None:
    """Eight at once, with a worker for each, would need twice as much as is promised."""
    small(client)
    idle = peak(server)
    with ThreadPoolExecutor(8) as callers:
        calls = [callers.submit(large, client) for _ in range(8)]
        seen = 0.0

        def ended() -> bool:
            nonlocal seen
            seen = max(seen, scrape(server.metrics_port)["autoquality_pixels_in_flight"])
            return all(call.done() for call in calls)

        until(ended, within=4 * LIMIT)
        for call in calls:
            call.result(LIMIT)
    assert seen == BOUND
    assert peak(server) - idle < BYTES_A_PIXEL * BOUND


@pytest.mark.parametrize(("one", "many"), [(large, small), (small, large)])
def test_neither_large_nor_small_requests_are_starved_by_the_others(
    client: Client, one: Callable[[Client], None], many: Callable[[Client], None]
) -> None:
    """One of a kind ends while three callers ask for the other kind without a pause."""
    over = threading.Event()
    with ThreadPoolExecutor(3) as callers:
        others = [callers.submit(repeat, many, client, over) for _ in range(3)]
        try:
            one(client)
        finally:
            over.set()
        assert all(other.result(LIMIT) >= 1 for other in others)


def test_a_source_that_cannot_be_used_is_refused_without_waiting(
    server: RunningServer, client: Client
) -> None:
    before = scrape(server.metrics_port)['autoquality_stage_duration_seconds_count{stage="queue"}']
    with pytest.raises(InvalidImageError):
        client.encode(LARGE[:40], format="avif")
    assert (
        scrape(server.metrics_port)['autoquality_stage_duration_seconds_count{stage="queue"}']
        == before
    )
