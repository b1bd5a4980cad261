"""The supervisor, as one of its processes sees it."""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import signal
import socket
import threading
from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import replace

from prometheus_client import CollectorRegistry

from autoquality_server.config import Settings
from autoquality_server.process.exits import FAILED
from autoquality_server.process.supervisor.messages import Message, Reader, written
from autoquality_server.process.supervisor.metrics_delta import Teller

VARIABLE = "_AUTOQUALITY_MEMBER"
"""How a process learns that it is one: an environment variable, which it takes away."""

_PR_SET_PDEATHSIG = 1


def invitation(number: int, link: socket.socket, addresses: Mapping[str, str]) -> str:
    """What the variable says; `addresses` are settings that tell where to listen."""
    return json.dumps([number, link.fileno(), os.getpid(), dict(addresses)])


class Membership:
    """One of several processes: what it is told, and whom it tells."""

    def __init__(self, number: int, link: socket.socket, addresses: Mapping[str, str]) -> None:
        self.number = number
        self._addresses = addresses
        self._link = link
        self._sending = threading.Lock()
        self._left = False

    @classmethod
    def join(cls, environ: MutableMapping[str, str]) -> Membership | None:
        """What `environ` says, None in a process that is on its own; once, from the main thread.

        From then on this process ends with its supervisor, however that ends.
        """
        text = environ.pop(VARIABLE, "")
        if not text:
            return None
        number, descriptor, supervisor, addresses = json.loads(text)
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != supervisor:  # it ended before that
            os._exit(FAILED)
        link = socket.socket(fileno=descriptor)
        link.set_inheritable(False)
        return cls(number, link, addresses)

    def resolve(self, settings: Settings) -> Settings:
        """The settings with what the supervisor decides."""
        return replace(
            settings,
            metrics_listen="",
            metrics_tls=False,
            metrics_client_ca="",
            **self._addresses,  # type: ignore[arg-type]  # names of settings that are texts
        )

    def fail(self, status: int, why: str) -> int:
        """Say that this process cannot start, and give `status`; the supervisor tells people."""
        self._send({"failed": why, "status": status})
        return status

    def ready(self, registry: CollectorRegistry, drain: Callable[[], None]) -> None:
        """Say that this process serves; from now on tell its metrics, and call `drain` if asked."""
        self._teller = Teller(registry)
        threading.Thread(target=self._listen, args=(drain,), name="member", daemon=True).start()
        self._send({"ready": True})

    def leave(self) -> None:
        """Tell the metrics for the last time."""
        with self._sending:
            self._left = True
            self._write({"told": 0, "numbers": self._teller.changes()})

    def _listen(self, drain: Callable[[], None]) -> None:
        try:
            for message in Reader(self._link).messages():
                if "drain" in message:
                    drain()
                elif "tell" in message:
                    with self._sending:
                        if not self._left:
                            numbers = self._teller.changes()
                            self._write({"told": message["tell"], "numbers": numbers})
        finally:  # a process that cannot be told anything is better replaced
            os._exit(FAILED)

    def _send(self, message: Message) -> None:
        with self._sending:
            self._write(message)

    def _write(self, message: Message) -> None:
        # Without a supervisor this process is about to be killed.
        with contextlib.suppress(OSError):
            self._link.sendall(written(message))
