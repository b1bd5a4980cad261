"""A real server stays healthy while it receives hostile files."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import count, repeat
from pathlib import Path

import pytest

from autoquality import AutoQualityError, Client, InvalidImageError, InvalidRequestError
from bench.answers import fault
from tests.hostile.files import everything, small
from tests.photos import crop
from tests.servers import NO_NETWORKS, RunningServer, running_server

MIB = 2**20

DEADLINE = 120.0
"""Seconds for a call, many times as long as the slowest takes."""

SETTINGS = {**NO_NETWORKS, "AUTOQUALITY_MAX_RESOLUTION": "5"}
"""A low limit: accepted files cost little, and files that evade it are noticed."""

PEAK = 300
"""MiB that any of the files may take at most, for a moment: those within the limit take 160. Each
of the bombs of hidden pixels would take more than 400 if it went off."""

GROWTH = 4
"""MiB that may stay of a round of 370 calls: 12 kB lost in each would be more. Without a leak
nothing stays to the megabyte, once each kind was there. These rounds are of small files, because
after large ones the allocator's two arenas keep holes of any size."""

FORMATS = ("jpeg", "webp", "avif", "png")
WHOLE_OR_NOTHING = 1
"""A turn in which no part of a damaged file is asked for: some would be of many megapixels."""


def memory(server: RunningServer, what: str) -> float:
    """MiB, by the kernel's name."""
    lines = Path(f"/proc/{server.process.pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(what)).split()[1]) / 1024


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with running_server(tmp_path_factory.mktemp("server"), SETTINGS) as running:
        yield running


@pytest.fixture(scope="module")
def client(server: RunningServer) -> Iterator[Client]:
    with Client(server.address, timeout=DEADLINE, retries=0) as connected:
        yield connected


def ask(client: Client, name: str, data: bytes, turn: int) -> str | None:
    """Send a file in one of several ways; returns a description if the answer is wrong."""
    fmt = FORMATS[turn % len(FORMATS)]
    wish = "dssim:0.02:10:95:0.005" if turn % 3 == 0 and fmt != "avif" else "none"
    truncated = turn % 2 == 0
    try:
        answer = client.encode(data, format=fmt, auto_quality=wish, allow_truncated=truncated)
    except InvalidImageError as error:
        return None if error.field_violations else f"{name}: names no field: {error}"
    except InvalidRequestError as error:  # an image that is fine, but not in this format
        return None if error.reason == "IMAGE_TOO_LARGE" else f"{name}: {error}"
    except AutoQualityError as error:
        return f"{name}: {error.code.name}: {error}"
    found = fault(answer, fmt)
    return None if found is None else f"{name} as {fmt}: {found}"


def a_round(client: Client, files: list[tuple[str, bytes]], turns: Iterable[int]) -> list[str]:
    """Send each file with the next of `turns`; returns descriptions of wrong answers."""
    found = (ask(client, *file, turn) for file, turn in zip(files, turns, strict=False))
    return [wrong for wrong in found if wrong is not None]


def test_every_hostile_file_is_an_image_or_a_clear_refusal(
    server: RunningServer, client: Client
) -> None:
    """Each is sent in two ways; files of one kind follow one another, and differ in theirs."""
    at_rest = memory(server, "VmRSS")
    for first in (0, 1):
        assert a_round(client, everything(), count(first)) == []
    assert memory(server, "VmHWM") - at_rest < PEAK
    assert server.process.poll() is None


def test_hostile_files_leak_no_memory(server: RunningServer, client: Client) -> None:
    files, turns = small(), repeat(WHOLE_OR_NOTHING)
    a_round(client, files, turns)
    before = memory(server, "VmRSS")
    assert a_round(client, files, turns) == []
    assert memory(server, "VmRSS") - before < GROWTH


def test_the_log_has_only_its_own_lines_and_no_internal_errors(
    server: RunningServer, client: Client
) -> None:
    """Warnings of decoders about damaged files must not appear between its lines."""
    a_round(client, small()[::7], repeat(0))
    events = {json.loads(line)["event"] for line in server.log.read_text().splitlines()}
    assert events == {"starting", "ready", "request"}


def test_an_image_is_still_encoded_afterwards(client: Client) -> None:
    answer = client.encode(crop("coffee.png", 64, 48), format="webp", method="dssim")
    assert fault(answer, "webp") is None


def test_hostile_files_are_refused_in_comparisons(client: Client) -> None:
    sound = crop("coffee.png", 64, 48)
    for name, data in small()[::5]:
        with pytest.raises(InvalidRequestError) as caught:
            client.compare(sound, data)
        assert [one.field for one in caught.value.field_violations] == ["distorted"], name
