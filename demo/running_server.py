"""A server for the duration of a `with` block."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from autoquality import AutoQualityError, Client

START_SECONDS = 600.0
"""The first start compiles loops: half a minute of processor time, more on a busy machine."""

# The first start compiles loops. This half is compiled by another process at the same time, and the
# server finds it in numba's cache.
_COMPILE = """
import numpy
from autoquality_core.metrics.ssimulacra2.reference import FrameReference

black = numpy.zeros((8, 8, 3), numpy.uint8)
FrameReference(black).score(black)
"""


@contextmanager
def running_server(address: str | None, log: Path) -> Iterator[str]:
    """The address of a ready server. Starts one unless there is an `address`."""
    if address is not None:
        yield address
        return
    address = f"127.0.0.1:{_free_port()}"
    environment = {
        **os.environ,
        "AUTOQUALITY_LISTEN": address,
        "AUTOQUALITY_METRICS_LISTEN": "off",
    }
    with log.open("w") as output, subprocess.Popen([sys.executable, "-c", _COMPILE]):
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
    end = time.monotonic() + START_SECONDS
    with Client(address) as client:
        while process.poll() is None and time.monotonic() < end:
            try:
                client.wait_ready(0.5)
            except AutoQualityError:
                continue
            return
    raise SystemExit(f"the server did not start:\n{log.read_text()}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
