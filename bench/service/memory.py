"""The memory of running requests, and its growth over many."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

from autoquality import Client
from autoquality_core.pipeline.defaults import Defaults
from autoquality_core.types import Format
from bench.images import photograph
from bench.record import Measure, short
from bench.serving import MIB, Server, alone, serving

FORMATS = ("jpeg", "webp", "avif")
TARGETS = {
    "none": "none",
    "dssim": "dssim:0.02:10:95:0.002",
    "ssimulacra2": "ssimulacra2:high:10:95:1",
}
WANTED_BYTES = {"none": 12.0, "dssim": 12.0, "ssimulacra2": 30.0}
"""SSIMULACRA2 keeps planes of colour at every scale."""
WANTED_GROWTH = 0.05
MANY = 10_000
"""Requests for which the memory must stay flat."""

TENTHS = 10
SERIES = "memory over requests"
TIMEOUT = 600.0
_BARE = Path(__file__).with_name("bare_codec.py")


def per_pixel(
    megapixels: float, together: int, formats: Sequence[str], methods: Sequence[str] = (*TARGETS,)
) -> Iterator[Measure]:
    """Bytes per source pixel of each of `together` requests, without their sources and results."""
    source, size = photograph(megapixels)
    small, _ = photograph(0.05)
    for fmt in formats:
        for method in methods:
            spec = TARGETS[method]
            with serving(**alone(together)) as server, Client(server.address) as client:
                request = partial(_result_bytes, client, fmt, spec)
                request(small)
                rest = server.resident()
                server.reset_peak()
                with ThreadPoolExecutor(together) as pool:
                    files = sum(pool.map(request, [source] * together)) + len(source) * together
                more = server.peak() - rest - files
            value = short(more / (size * 1e6 * together))
            yield Measure(
                *("memory a pixel", f"{together} at a time", fmt, method, value, value, value),
                *("bytes", "lower", together, WANTED_BYTES[method]),
            )


def bare(megapixels: float, formats: Sequence[str]) -> Iterator[Measure]:
    """The same for the codec alone: a process with nothing but libvips."""
    source, size = photograph(megapixels)
    small, _ = photograph(0.05)
    for fmt in formats:
        with tempfile.TemporaryDirectory() as folder:
            files = [Path(folder) / name for name in ("small", "large")]
            for file, image in zip(files, (small, source), strict=True):
                file.write_bytes(image)
            quality = Defaults().quality_for(Format[fmt.upper()])
            words = [sys.executable, str(_BARE), fmt, str(quality), *map(str, files)]
            done = subprocess.run(words, capture_output=True, text=True, check=True)
        more = int(done.stdout) - len(source)
        value = short(more / (size * 1e6))
        yield Measure(
            *("memory a pixel", "bare codec", fmt, "none", value, value, value),
            *("bytes", "neither", 1),
        )


def growth(requests: int) -> Iterator[Measure]:
    """The memory of a server after each tenth of many small requests, and its growth.

    The first tenth serves requests of every kind many times; later growth indicates a leak.
    """
    small, _ = photograph(0.01)
    tenths = (max(1, requests * tenth // TENTHS) for tenth in range(1, TENTHS + 1))
    ends = list(dict.fromkeys(tenths))
    held = []
    with serving(**alone(2)) as server, Client(server.address) as client:
        for begin, end in pairwise((0, *ends)):
            held.append(_after(server, client, small, range(begin, end)))
    early, late = held[0], held[-1]

    def one(
        what: str, value: float, unit: str, goal: str = f"{requests} requests", **more: Any
    ) -> Measure:
        number = short(value)
        return Measure(what, "service", "all formats", goal, number, number, number, unit, **more)

    for end, value in zip(ends, held, strict=True):
        yield one(SERIES, value / MIB, "MiB", f"after {end}", better="neither", count=end)
    yield one("memory after a tenth", early / MIB, "MiB")
    yield one("memory after all", late / MIB, "MiB")
    yield one("growth of memory", late / early - 1, "share", wanted=WANTED_GROWTH)
    more = max(1, ends[-1] - ends[0])
    yield one("growth a request", (late - early) / 1024 / more, "KiB", better="neither")


def _after(server: Server, client: Client, image: bytes, requests: range) -> int:
    """The resident bytes after these requests, of every kind in turn."""
    kinds = [(fmt, spec) for fmt in FORMATS for spec in TARGETS.values()]

    def request(number: int) -> None:
        fmt, spec = kinds[number % len(kinds)]
        client.encode(image, format=fmt, auto_quality=spec, timeout=TIMEOUT)

    with ThreadPoolExecutor(2) as pool:
        for _ in pool.map(request, requests):
            pass
    return server.resident()


def _result_bytes(client: Client, fmt: str, spec: str, image: bytes) -> int:
    return len(client.encode(image, format=fmt, auto_quality=spec, timeout=TIMEOUT).image)
