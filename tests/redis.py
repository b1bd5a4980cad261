"""A Redis server from .tools/redis, which `make test` installs."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import redis

from tests.commands import ROOT
from tests.waiting import LIMIT, until


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
