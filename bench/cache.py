"""Measures requests by method: without a cache, and with one that misses and hits.

Each image is encoded by every method on servers with one worker. Processor time is the server's,
bytes are those of the source and of the result, and memory is the server's peak. The cache is the
Redis server of `make redis`.

    python -m bench.cache IMAGES...
    python -m bench.cache --limit 20 FOLDER
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import redis

from autoquality import Client, Outcome
from bench.clock import of_process
from bench.command import add_images, images_of, parser
from bench.record import FOLDER, Measure, Record, record_of
from bench.record.changes import finish
from bench.record.machine import ROOT
from bench.record.markdown import made, number, table
from bench.record.store import Better, short, spread_of
from bench.serving import MIB, Server, serving

REQUESTS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "none, jpeg": ("METHOD_NONE, JPEG", {"format": "jpeg", "quality": 80}),
    "none": ("METHOD_NONE, WebP", {"format": "webp", "quality": 80}),
    "size": ("METHOD_SIZE, WebP", {"format": "webp", "auto_quality": "size:{bytes}:10:95"}),
    "dssim": ("METHOD_DSSIM, WebP", {"format": "webp", "auto_quality": "dssim:0.02:10:95:0.001"}),
    "ssimulacra2": ("METHOD_SSIMULACRA2, WebP", {"format": "webp", "target": "high"}),
    "candidates": (
        "METHOD_SSIMULACRA2, best of AVIF, WebP and JPEG",
        {"candidates": ["avif", "webp", "jpeg"], "target": "high"},
    ),
}
"""By a short name: the title, and the arguments of `Client.encode`."""

HITS = 10
"""Calls for the mean of an image, because one takes a millisecond."""
TIMEOUT = 300.0


@dataclass(frozen=True)
class Servers:
    """A server without a cache and one with it, and the cache with its process."""

    plain: Server
    cached: Server
    redis: redis.Redis
    pid: int


@contextmanager
def started() -> Iterator[Servers]:
    """Both servers and the cache, with one worker each."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        socket = folder / "redis.sock"
        program = ROOT / ".tools/redis/bin/redis-server"
        options = ("--port", "0", "--unixsocket", socket, "--save", "")
        process = stack.enter_context(
            subprocess.Popen([program, *options], cwd=folder, stdout=subprocess.DEVNULL)
        )
        stack.callback(process.terminate)
        while not socket.exists():
            assert process.poll() is None, "Redis ended"
            time.sleep(0.05)
        url = f"unix://{socket}"
        # A busy machine must not look like a slow cache.
        settings = {"cache_url": url, "cache_timeout": "5", "cache_max_bytes": "64MiB"}
        yield Servers(
            stack.enter_context(serving(workers="1")),
            stack.enter_context(serving(workers="1", **settings)),
            redis.Redis.from_url(url),
            process.pid,
        )


def measured(servers: Servers, images: Sequence[Path]) -> Iterator[Measure]:
    """All measures, by request. Means, because capacity is planned by sums."""
    with Client(servers.plain.address) as plain, Client(servers.cached.address) as cached:
        for name, (_, given) in REQUESTS.items():
            found: dict[tuple[str, str, str], list[float]] = defaultdict(list)

            def add(what: str, setting: str, unit: str, value: float, to: Any = found) -> None:
                to[what, setting, unit].append(value)

            servers.plain.reset_peak()
            for path in images:
                data = path.read_bytes()
                arguments = {**given, "timeout": TIMEOUT}
                if "auto_quality" in given:
                    arguments["auto_quality"] = given["auto_quality"].format(bytes=len(data) // 3)
                entries = servers.redis.dbsize()
                with _spent(servers.plain, add, "off"):
                    result = plain.encode(data, **arguments)
                # Such an answer would not be cached.
                assert result.outcome is not Outcome.DEADLINE_REACHED, path
                with _spent(servers.cached, add, "miss"):
                    cached.encode(data, **arguments)
                    while servers.redis.dbsize() == entries:  # it is written in the background
                        time.sleep(0.001)
                before = of_process(servers.pid)
                with _spent(servers.cached, add, "hit", HITS):
                    for _ in range(HITS):
                        again = cached.encode(data, **arguments)
                add("processor time", "hit, Redis", "s", (of_process(servers.pid) - before) / HITS)
                assert again.image == result.image, path
                add("bytes", "source", "kB", len(data) / 1000)
                add("bytes", "answer", "kB", len(result.image) / 1000)
                add("size", "", "MP", result.width * result.height / 1e6)
            add("memory", "peak", "MiB", servers.plain.peak() / MIB)
            for (what, setting, unit), values in found.items():
                better: Better = "neither" if what in ("bytes", "size") else "lower"
                spread = spread_of(values, mean=True)
                yield Measure(what, name, setting, "", *spread, unit, better, len(values))
            print(f"{name}: done", file=sys.stderr)


@contextmanager
def _spent(
    server: Server, add: Callable[[str, str, str, float], None], setting: str, calls: int = 1
) -> Iterator[None]:
    cpu, wall = server.cpu(), time.perf_counter()
    yield
    wall = time.perf_counter() - wall
    add("processor time", setting, "s", (server.cpu() - cpu) / calls)
    add("latency", setting, "s", wall / calls)


def page(record: Record) -> str:
    """A row for each request: its cost without the cache, on a miss and on a hit."""
    rows = []
    more = 1000 * overhead(record)
    for name, (title, _) in REQUESTS.items():
        cpu = {one.setting: one.value * 1000 for one in record.find(what="processor time", by=name)}
        wall = {one.setting: one.value * 1000 for one in record.find(what="latency", by=name)}
        if not cpu:
            continue
        share = more / (more + cpu["off"] - cpu["hit"])
        rows.append(
            (
                title,
                *(number(cpu[one]) for one in ("off", "miss", "hit", "hit, Redis")),
                *(number(wall[one]) for one in ("off", "hit")),
                f"{share:.1%}",
            )
        )
    header = (
        *("request", "without", "miss", "hit", "hit, in Redis"),
        *("latency without", "latency of a hit", "pays above"),
    )
    return f"{made(record)}. {images(record)}\n\n{table(header, rows)}"


def overhead(record: Record) -> float:
    """What a miss costs more than a request without a cache, in seconds of a processor.

    That of the shortest request: longer ones vary more than this difference.
    """
    cpu = {one.setting: one.value for one in record.find(what="processor time", by="none, jpeg")}
    return max(cpu["miss"] - cpu["off"], 0.0)


def images(record: Record) -> str:
    """How many images a record is of, and their size."""
    (size, *_) = record.find(what="size")
    return f"{size.count} images, {number(size.value)} megapixels on average."


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, write the record and print the changes."""
    given = parser("bench.cache", __doc__)
    add_images(given)
    given.add_argument("--limit", type=int, default=0, help="use as many, evenly spaced; 0: all")
    given.add_argument("--results", type=Path, default=FOLDER, help="the folder for the record")
    args = given.parse_args(arguments)
    images = images_of(given, args)
    if args.limit < 0:
        given.error("--limit: must be at least 0")
    if 0 < args.limit < len(images):
        images = images[:: -(-len(images) // args.limit)]
    with started() as servers:
        rest = short(servers.plain.resident() / MIB)
        measures = [
            Measure("memory", "server", "at rest", "", rest, rest, rest, "MiB"),
            *measured(servers, images),
        ]
    record = record_of("cache", measures, {"images": [path.name for path in images]})
    return finish(record, page(record), args.results)


if __name__ == "__main__":
    sys.exit(main())
