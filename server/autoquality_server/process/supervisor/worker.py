"""One server process, as the supervisor sees it."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence

from autoquality_server.process.supervisor.messages import Message, Reader, written
from autoquality_server.process.supervisor.worker_link import VARIABLE, invitation
from autoquality_server.telemetry.captured_output import original_output

_LAST_MOMENTS = 10.0
"""Seconds from the end of the connection to the end of the process."""


class Process:
    """A program of its own, from its start to its end."""

    def __init__(self, number: int, command: Sequence[str], addresses: Mapping[str, str]) -> None:
        """Start `command`, to listen on `addresses`, by setting. Raises OSError."""
        self.number = number
        self._started = time.monotonic()
        self.ready_since: float | None = None
        self.silent = False
        """Whether it was killed because it did not answer."""
        self.failure: Message | None = None
        """Why it cannot start, where it said so."""
        self._owed: deque[tuple[int, float]] = deque()
        self.socket, theirs = socket.socketpair()
        with theirs:
            try:
                self._popen = subprocess.Popen(
                    command,
                    env={**os.environ, VARIABLE: invitation(number, theirs, addresses)},
                    pass_fds=(theirs.fileno(),),
                    stdin=subprocess.DEVNULL,
                    stdout=original_output(1),
                    stderr=original_output(2),
                    # Ctrl-C goes to the supervisor alone, which tells the others.
                    process_group=0,
                )
            except BaseException:
                self.socket.close()
                raise
        self.socket.setblocking(False)
        self._reader = Reader(self.socket)

    @property
    def pid(self) -> int:
        return self._popen.pid

    @property
    def ended(self) -> bool:
        """Whether it is gone; all that it said has been read where its end was the first sign."""
        return self._reader.ended or self._popen.poll() is not None

    @property
    def age(self) -> float:
        """Seconds since it was started."""
        return time.monotonic() - self._started

    @property
    def served_seconds(self) -> float:
        """How long it has served, 0 if it never did."""
        return 0.0 if self.ready_since is None else time.monotonic() - self.ready_since

    def messages(self) -> Iterator[Message]:
        """What it has said since the last time."""
        return self._reader.messages()

    def ask(self, number: int) -> None:
        """Ask for its numbers."""
        self._owed.append((number, time.monotonic()))
        self._send({"tell": number})

    def told(self, number: int) -> None:
        """Note that it has answered."""
        while self._owed and self._owed[0][0] <= number:
            self._owed.popleft()

    @property
    def first_owed(self) -> int | None:
        """The first question that it has not answered."""
        return self._owed[0][0] if self._owed else None

    @property
    def silent_seconds(self) -> float:
        """How long it has owed an answer."""
        return time.monotonic() - self._owed[0][1] if self._owed else 0.0

    def drain(self) -> None:
        """Have it finish what it has accepted, and end."""
        self._send({"drain": True})

    def kill(self) -> None:
        self._popen.kill()

    def bury(self) -> int:
        """Wait for its end, which has begun, and give its status (negative for a signal)."""
        self.socket.close()
        try:
            return self._popen.wait(_LAST_MOMENTS)
        except subprocess.TimeoutExpired:
            self._popen.kill()
            return self._popen.wait()

    def _send(self, message: Message) -> None:
        # One that does not read, or is gone, is found out by its silence or its end.
        with contextlib.suppress(OSError):
            self.socket.send(written(message))
