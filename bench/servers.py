"""A real server in a process of its own, to be measured from outside."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.clock import of_process

MIB = 2**20


@dataclass(frozen=True)
class Server:
    """A running server."""

    pid: int
    address: str

    def cpu(self) -> float:
        """Seconds of processor that it has used."""
        return of_process(self.pid)

    def resident(self) -> int:
        """Bytes of memory that it holds now."""
        return self._memory("VmRSS")

    def peak(self) -> int:
        """The most that it held since `forget_peak`."""
        return self._memory("VmHWM")

    def forget_peak(self) -> None:
        """Begin anew: see clear_refs in proc(5)."""
        Path(f"/proc/{self.pid}/clear_refs").write_text("5")

    def _memory(self, what: str) -> int:
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith(what)) * 1024


@contextmanager
def serving(
    workers: int = 1,
    *,
    networks: bool = False,
    cores: Sequence[int] | None = None,
    settings: Mapping[str, str] | None = None,
) -> Iterator[Server]:
    """A fresh server; `cores` are those that it may use, all that we may where None."""
    box = "box" if networks else "none"
    told = {f"{name}_NET": box for name in ("JPEG", "WEBP", "AVIF")}
    told |= {"LISTEN": "127.0.0.1:0", "METRICS_LISTEN": "127.0.0.1:0", "WORKERS": str(workers)}
    told |= {"LOG_LEVEL": "info", "MAX_RESOLUTION": "100", **(settings or {})}
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("AUTOQUALITY_")}
    command = [sys.executable, "-m", "autoquality_server"]
    if cores is not None:
        command = ["taskset", "-c", ",".join(map(str, cores)), *command]
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "server.log"
        with log.open("w") as output:
            process = subprocess.Popen(
                command,
                env=inherited | {f"AUTOQUALITY_{name}": text for name, text in told.items()},
                stderr=output,
            )
        try:
            yield Server(process.pid, f"127.0.0.1:{_port(process, log)}")
        finally:
            process.terminate()
            process.wait(60)


def _port(process: subprocess.Popen[bytes], log: Path) -> int:
    """Where it listens, once it does."""
    while True:
        for line in log.read_text().splitlines():
            if '"ready"' in line:
                return int(json.loads(line)["port"])
        if process.poll() is not None:
            raise RuntimeError(f"the server ended: {log.read_text()[-800:]}")
        time.sleep(0.05)
