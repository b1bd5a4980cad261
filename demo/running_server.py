"""A server for the time of a `with` block."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from autoquality import AutoQualityError, Client

START_SECONDS = 60.0


@contextmanager
def running_server(address: str | None, log: Path) -> Iterator[str]:
    """The address of a server that serves; one is started unless `address` names one."""
    if address is not None:
        yield address
        return
    address = f"127.0.0.1:{_free_port()}"
    environment = {
        **os.environ,
        "AUTOQUALITY_LISTEN": address,
        "AUTOQUALITY_METRICS_LISTEN": "off",
    }
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "autoquality_server"], env=environment, stderr=output
        )
    try:
        _wait(process, address, log)
        yield address
    finally:
        process.terminate()
        process.wait()


def _wait(process: subprocess.Popen[bytes], address: str, log: Path) -> None:
    with Client(address) as client:
        try:
            client.wait_ready(START_SECONDS)
        except AutoQualityError:
            raise SystemExit(f"the server did not start:\n{log.read_text()}") from None
    if process.poll() is not None:
        raise SystemExit(f"the server stopped:\n{log.read_text()}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
