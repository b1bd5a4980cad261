"""The supervisor, as one of its processes sees it."""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import signal
import socket
import threading
from collections.abc import Callable, MutableMapping

from prometheus_client import CollectorRegistry

from autoquality_server.process import FAILED
from autoquality_server.process.supervisor.metrics import MetricsDelta

VARIABLE = "_AUTOQUALITY_SUPERVISOR"
"""The environment variable with the handshake; the process removes it."""

_PR_SET_PDEATHSIG = 1


def handshake(number: int, link: socket.socket) -> str:
    """Return the value of VARIABLE for process `number`, which inherits `link`."""
    return json.dumps([number, link.fileno(), os.getpid()])


class SupervisorLink:
    """The connection of a process to its supervisor."""

    def __init__(self, number: int, link: socket.socket) -> None:
        self.number = number
        self._link = link
        self._sending = threading.Lock()

    @classmethod
    def open(cls, environ: MutableMapping[str, str]) -> SupervisorLink | None:
        """Answer the handshake in `environ`; None in a process without a supervisor.

        Call it once, in the main thread. From then on the kernel kills this process when the
        supervisor ends.
        """
        text = environ.pop(VARIABLE, "")
        if not text:
            return None
        number, descriptor, supervisor = json.loads(text)
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != supervisor:  # it had ended before
            os._exit(FAILED)
        link = socket.socket(fileno=descriptor)
        link.set_inheritable(False)
        return cls(number, link)

    def fail(self, status: int, why: str) -> int:
        """Report that this process cannot start, and return `status`; the supervisor prints it."""
        self._send({"failed": why, "status": status})
        return status

    def ready(self, registry: CollectorRegistry, drain: Callable[[], None]) -> None:
        """Report that this process serves; from now on answer polls, and call `drain` on demand."""
        self._metrics = MetricsDelta(registry)
        self.send_metrics()
        threading.Thread(target=self._listen, args=(drain,), name="supervisor", daemon=True).start()

    def send_metrics(self) -> None:
        with self._sending:  # one at a time, so that newer changes arrive later
            self._send({"metrics": self._metrics.changes()})

    def _listen(self, drain: Callable[[], None]) -> None:
        try:
            with self._link.makefile("rb") as lines:
                for message in map(json.loads, lines):
                    if "drain" in message:
                        drain()
                    elif "poll" in message:
                        self.send_metrics()
        finally:  # without a supervisor, the process cannot be drained or replaced
            os._exit(FAILED)

    def _send(self, message: dict[str, object]) -> None:
        # Without a supervisor, the kernel is about to kill this process.
        with contextlib.suppress(OSError):
            self._link.sendall(json.dumps(message, separators=(",", ":")).encode() + b"\n")
