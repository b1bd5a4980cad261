"""SIGTERM and SIGINT, as something that can be waited for together with sockets."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
from collections.abc import Callable
from types import FrameType

NUMBERS = (signal.SIGTERM, signal.SIGINT)


class Signals:
    """The first is told by `told` and wakes whoever waits for `wake`; the second ends it all."""

    def __init__(self, before_leaving: Callable[[], None]) -> None:
        """`before_leaving` is called by the second; for the main thread."""
        self.told = False
        self._before_leaving = before_leaving
        self.wake, self._wake_end = socket.socketpair()
        for end in (self.wake, self._wake_end):
            end.setblocking(False)
        signal.set_wakeup_fd(self._wake_end.fileno(), warn_on_full_buffer=False)
        for number in NUMBERS:
            signal.signal(number, self._on_signal)

    def poke(self) -> None:
        """Wake whoever waits, from any thread."""
        with contextlib.suppress(OSError):  # full, then it is awake; or closed
            self._wake_end.send(b"\0")

    def calm(self) -> None:
        """Be ready to be woken again."""
        with contextlib.suppress(BlockingIOError):
            self.wake.recv(4096)

    def close(self) -> None:
        signal.set_wakeup_fd(-1)
        self.wake.close()
        self._wake_end.close()

    def _on_signal(self, number: int, _: FrameType | None) -> None:
        if self.told:
            self._before_leaving()
            os._exit(128 + number)
        self.told = True
