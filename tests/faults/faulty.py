"""`autoquality-server` with a WebP encoder that has bugs. Everything else is real.

    python -m tests.faults.faulty

Only the loops of metrics are loaded when they are first needed, which is never in these tests:
loading them is half of a start.

A supervisor starts its own program again, so its processes are this one, too.
The bugs wait for files in the folder FAULTS.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

from autoquality_server.__main__ import main
from autoquality_server.process.supervisor import process
from autoquality_server.process.supervisor.link import VARIABLE

HANGS, CRASHES, WAITS = 11, 12, 13
"""Qualities at which the encoder never returns, ends the process, returns once there is GATE."""

GATE = "gate"
STUCK = "stuck"
"""A file; while it is there, processes never serve, and those that start then have little time to.
"""

EXHAUSTED, BLOCKED = "exhausted", "blocked"
"""Files; while one is there, gRPC's thread finds no memory for the next request, or never returns
from it."""

DEADLY = "deadly"
"""A file; while it is there, processes end as soon as they have begun."""


def break_webp(folder: Path) -> None:
    from autoquality_core.formats import WebpEncoder
    from autoquality_core.images import Pixels
    from autoquality_server.rpc import servicer

    servicer.warm_up = lambda: None  # type: ignore[attr-defined]  # it is imported there
    sound = WebpEncoder.encode

    def encode(self: WebpEncoder, pixels: Pixels, quality: int) -> bytes:
        if quality == HANGS:
            threading.Event().wait()
        if quality == CRASHES:
            os.abort()
        while quality == WAITS and not (folder / GATE).exists():
            time.sleep(0.005)
        return sound(self, pixels, quality)

    WebpEncoder.encode = encode  # type: ignore[method-assign]


def break_serving(folder: Path) -> None:
    from grpc import _server

    from autoquality_server.process import serving

    sound = _server._serialized_request

    def serialized_request(event: Any) -> Any:
        if (folder / EXHAUSTED).exists():
            raise MemoryError
        if (folder / BLOCKED).exists():
            threading.Event().wait()
        return sound(event)

    _server._serialized_request = serialized_request
    serving._MARGIN = 0.5


def limit_stuck_starts(folder: Path) -> None:
    usual, sound = process._LONGEST_START, process.Process.__init__

    def start(self: process.Process, *arguments: Any) -> None:
        process._LONGEST_START = 0.0 if (folder / STUCK).exists() else usual
        sound(self, *arguments)

    process.Process.__init__ = start  # type: ignore[method-assign]


if __name__ == "__main__":
    faults = Path(os.environ["FAULTS"])
    has_supervisor = VARIABLE in os.environ
    if has_supervisor and (faults / DEADLY).exists():
        os.abort()
    if has_supervisor and (faults / STUCK).exists():
        time.sleep(3600)
    limit_stuck_starts(faults)
    if has_supervisor or os.environ["AUTOQUALITY_PROCESSES"] == "1":
        break_webp(faults)
        break_serving(faults)
    sys.exit(main())
