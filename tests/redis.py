"""A Redis server from .tools/redis, which `make test` installs, and a cache of answers in it."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import redis
from prometheus_client import CollectorRegistry

from autoquality_server.config import Settings
from autoquality_server.rpc.cache import AnswerCache
from autoquality_server.telemetry.metrics import CACHE_LOOKUPS, Metrics
from tests.commands import ROOT
from tests.waiting import LIMIT, until

TIMEOUT = 5.0
"""Seconds for the cache: a busy machine must not look like a slow cache."""


@dataclass(frozen=True)
class RunningRedis:
    """A server on a socket in a folder, its process and a client of it."""

    url: str
    process: subprocess.Popen[bytes]
    client: redis.Redis


@contextmanager
def running_redis(folder: Path) -> Iterator[RunningRedis]:
    """Start a server that keeps nothing on disk, and stop it at the end."""
    socket = folder / "redis.sock"
    options = ["--port", "0", "--unixsocket", str(socket), "--save", "", "--appendonly", "no"]
    with (folder / "redis.log").open("wb") as log:
        process = subprocess.Popen(
            [str(ROOT / ".tools/redis/bin/redis-server"), *options],
            cwd=folder,
            stdout=log,
            stderr=log,
        )
    url = f"unix://{socket}"
    client = redis.Redis.from_url(url)
    try:
        until(lambda: process.poll() is not None or socket.exists(), reason="Redis")
        assert process.poll() is None, (folder / "redis.log").read_text()
        client.ping()
        yield RunningRedis(url, process, client)
    finally:
        client.close()
        process.kill()
        process.wait(LIMIT)


@contextmanager
def opened(
    url: str, **changes: Any
) -> Iterator[tuple[AnswerCache, Callable[[], dict[str, float]]]]:
    """A cache without a server, and its lookups so far."""
    registry = CollectorRegistry()
    predictors = changes.pop("predictors", {})
    cache = AnswerCache(Settings(cache_url=url, **changes), predictors, Metrics(registry))
    name = "autoquality_cache_lookups_total"

    def count(result: str) -> float:
        return registry.get_sample_value(name, {"result": result}) or 0.0

    yield cache, lambda: {result: count(result) for result in CACHE_LOOKUPS}
    cache.close()
