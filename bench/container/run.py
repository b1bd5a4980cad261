"""Runs containers with runc, as a cluster runs them: a user of their own, a read-only root."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from bench.container.build import config_of, mounted
from bench.serving import resident

USER = 10001
START_LIMIT = 300.0
"""Seconds until a server is ready, also on a busy machine."""

PORTS = {
    "AUTOQUALITY_LISTEN": "127.0.0.1:50951",
    "AUTOQUALITY_HEALTH_LISTEN": "127.0.0.1:50952",
    "AUTOQUALITY_METRICS_LISTEN": "127.0.0.1:50964",
}
"""Addresses of this machine, whose network the containers share."""


@dataclass(frozen=True)
class Image:
    """The root of an image, and what its configuration says."""

    root: Path
    environment: Mapping[str, str]
    entrypoint: Sequence[str]
    user: str
    stop_signal: signal.Signals
    cache: Path
    """A folder of the host with the image's compiled loops, which a container may write."""


@contextmanager
def opened(name: str) -> Iterator[Image]:
    """An image, ready to be run. The compiled loops are copied as the init container does."""
    config: Any = config_of(name)
    environment = dict(one.split("=", 1) for one in config["Env"])
    with mounted(name) as root, tempfile.TemporaryDirectory() as folder:
        cache = Path(folder)
        os.chown(cache, USER, USER)
        image = Image(
            root,
            environment,
            config["Entrypoint"],
            config["User"],
            signal.Signals[config["StopSignal"]],
            cache,
        )
        kept = environment["NUMBA_CACHE_DIR"]
        copied = run(image, ["cp", "--recursive", f"{kept}/.", "/cache"], cache_at="/cache")
        assert copied.returncode == 0, copied.stdout
        yield image


def run(
    image: Image,
    command: Sequence[str],
    environment: Mapping[str, str] = MappingProxyType({}),
    *,
    cache_at: str | None = None,
    mounts: Mapping[Path, str] = MappingProxyType({}),
) -> subprocess.CompletedProcess[str]:
    """Run a command in a container until it ends; standard error is part of its output."""
    with _bundle(image, command, environment, cache_at, mounts) as (words, bundle):
        return subprocess.run(
            words,
            cwd=bundle,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=START_LIMIT,
            check=False,
        )


@dataclass(frozen=True)
class Running:
    """A server in a container."""

    image: Image
    process: subprocess.Popen[bytes]
    name: str
    seconds: float
    """Wall-clock time from its start until it was ready."""
    pid: int
    log: Path

    def execute(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run another command in the container, as its user."""
        return subprocess.run(
            ["runc", "exec", self.name, *command], capture_output=True, text=True, check=False
        )

    def resident(self) -> int:
        """The resident bytes of all its processes: the first one starts the server."""
        return sum(map(resident, _with_children(self.pid)))

    def stop(self, limit: float) -> int:
        """Send the image's stop signal; returns the exit code."""
        os.kill(self.pid, self.image.stop_signal)
        return self.process.wait(limit)


@contextmanager
def serving(image: Image) -> Iterator[Running]:
    """The image's entry point, serving at PORTS."""
    with (
        _bundle(image, image.entrypoint, PORTS, None, {}) as (words, bundle),
        (bundle / "log").open("wb") as output,
    ):
        start = time.monotonic()
        process = subprocess.Popen(words, cwd=bundle, stdin=subprocess.DEVNULL, stderr=output)
        log = bundle / "log"
        try:
            while '"ready"' not in log.read_text():
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < start + START_LIMIT, log.read_text()
                time.sleep(0.02)
            took = time.monotonic() - start
            pid = int((bundle / "pid").read_text())
            yield Running(image, process, words[-1], took, pid, log)
        finally:
            subprocess.run(["runc", "kill", words[-1], "KILL"], capture_output=True, check=False)
            process.wait(60)


def _with_children(pid: int) -> Iterator[int]:
    yield pid
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            yield from _with_children(int(child))


@contextmanager
def _bundle(
    image: Image,
    command: Sequence[str],
    environment: Mapping[str, str],
    cache_at: str | None,
    mounts: Mapping[Path, str],
) -> Iterator[tuple[list[str], Path]]:
    """A folder with a container's settings, and the command that runs it there."""
    user, group = (int(part) for part in image.user.split(":"))
    values = {**image.environment, **environment}
    bound = {image.cache: cache_at or values["NUMBA_CACHE_DIR"], **mounts}
    with tempfile.TemporaryDirectory() as name:
        bundle = Path(name)
        subprocess.run(["runc", "spec"], cwd=bundle, check=True)
        config = json.loads((bundle / "config.json").read_text())
        config["root"] = {"path": str(image.root), "readonly": True}
        config["process"] |= {
            "terminal": False,
            "args": list(command),
            "cwd": "/",
            "env": [f"{name}={value}" for name, value in values.items()],
            "user": {"uid": user, "gid": group},
            "noNewPrivileges": True,
            "capabilities": {},
            "rlimits": [{"type": "RLIMIT_NOFILE", "hard": 4096, "soft": 4096}],
        }
        config["mounts"] = [
            one for one in config["mounts"] if one["destination"] != "/sys/fs/cgroup"
        ]
        config["mounts"].append(
            {
                "destination": "/tmp",  # noqa: S108  # in the container
                "type": "tmpfs",
                "source": "tmpfs",
                "options": ["mode=1777"],
            }
        )
        config["mounts"] += [
            {"destination": target, "type": "bind", "source": str(path), "options": ["rbind", "rw"]}
            for path, target in bound.items()
        ]
        linux = config["linux"]
        linux.pop("resources", None)
        # Without a network of its own: the ports are this machine's.
        linux["namespaces"] = [{"type": kind} for kind in ("pid", "mount", "ipc", "uts")]
        (bundle / "config.json").write_text(json.dumps(config))
        yield ["runc", "run", "--pid-file", "pid", f"autoquality-{bundle.name}"], bundle
