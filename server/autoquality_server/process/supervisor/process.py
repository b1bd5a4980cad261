"""One server process, as the supervisor sees it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import subprocess
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from autoquality_server.process.supervisor.link import VARIABLE, handshake
from autoquality_server.telemetry.captured_output import original_output
from autoquality_server.telemetry.logs import logger

Message: TypeAlias = dict[str, Any]

POLL_INTERVAL = 2.0
"""Seconds between two polls of the metrics: a process that is killed loses at most what it counted
since the last one."""

_LONGEST_START = 120.0
"""Seconds, at least, that a process may take until it serves: it loads networks, perhaps over a
network file system."""

_EXIT_CHECK = 1.0
"""Seconds between checks whether a process has exited without closing its connection."""

_LAST_MOMENTS = 10.0
"""Seconds that a process may take to exit after it has closed its connection."""

_LONGEST_LINE = 2**26

_log = logger(__name__)


class Process:
    """A server process from its start to its end. All calls come from one event loop."""

    def __init__(
        self,
        number: int,
        command: Sequence[str],
        hung_grace: float,
        on_metrics: Callable[[Process, dict[str, Any]], None],
    ) -> None:
        """Start `command`. Raises OSError.

        The process is killed if it does not answer within `hung_grace` seconds (0: never).
        `on_metrics` gets the changes of its metrics; the first call says that it serves.
        """
        self.number = number
        self.ready_since: float | None = None
        self.unresponsive = False
        """Whether it was killed because it did not answer."""
        self.failure: Message | None = None
        """Why it cannot start, if it said so."""
        self._grace = hung_grace or None
        self._on_metrics = on_metrics
        self._ready = asyncio.Event()
        self._polls: deque[asyncio.Future[None]] = deque()
        self._socket, theirs = socket.socketpair()
        with theirs:
            try:
                self._popen = subprocess.Popen(
                    command,
                    env={**os.environ, VARIABLE: handshake(number, theirs)},
                    pass_fds=(theirs.fileno(),),
                    stdin=subprocess.DEVNULL,
                    stdout=original_output(1),
                    stderr=original_output(2),
                    # Ctrl-C goes to the supervisor alone, which drains the processes.
                    process_group=0,
                )
            except BaseException:
                self._socket.close()
                raise

    @property
    def pid(self) -> int:
        return self._popen.pid

    @property
    def serves(self) -> bool:
        """Whether it is ready, or was until it began to drain."""
        return self.ready_since is not None

    @property
    def served_seconds(self) -> float:
        return 0.0 if self.ready_since is None else time.monotonic() - self.ready_since

    async def run(self) -> int:
        """Read its messages until it ends; returns its status, negative for a signal."""
        reader, self._writer = await asyncio.open_unix_connection(
            sock=self._socket, limit=_LONGEST_LINE
        )
        reading = asyncio.create_task(self._read(reader))
        watching = asyncio.create_task(self._watch())
        try:
            while not reading.done() and self._popen.poll() is None:
                await asyncio.wait({reading}, timeout=_EXIT_CHECK)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LAST_MOMENTS):
                    await reading
                    while self._popen.poll() is None:  # noqa: ASYNC110 - there is no event for it
                        await asyncio.sleep(0.01)
            return self.reap()
        finally:
            watching.cancel()
            self._writer.close()

    async def poll(self) -> None:
        """Request the metrics and wait until they have been received, or the process has ended."""
        answered = asyncio.get_running_loop().create_future()
        self._polls.append(answered)
        self._send({"poll": True})
        await asyncio.wait({answered})

    def drain(self) -> None:
        """Let it finish the accepted requests and exit; one that accepted none is killed."""
        if self.serves:
            self._send({"drain": True})
        else:
            self.kill()

    def kill(self) -> None:
        self._popen.kill()

    def reap(self) -> int:
        self._popen.kill()
        return self._popen.wait()

    async def _read(self, reader: asyncio.StreamReader) -> None:
        with contextlib.suppress(ConnectionError):
            while (line := await reader.readline()).endswith(b"\n"):
                self._receive(json.loads(line))
        for poll in self._polls:
            poll.set_result(None)

    def _receive(self, message: Message) -> None:
        if "failed" in message:
            self.failure = message
            return
        if self.ready_since is None:
            self.ready_since = time.monotonic()
            self._ready.set()
        self._on_metrics(self, message["metrics"])
        if self._polls:
            self._polls.popleft().set_result(None)

    async def _watch(self) -> None:
        """Poll the process regularly, and kill it if it does not get ready or does not answer."""
        try:
            async with asyncio.timeout(self._grace and max(self._grace, _LONGEST_START)):
                await self._ready.wait()
            while True:
                async with asyncio.timeout(self._grace):
                    await self.poll()
                await asyncio.sleep(POLL_INTERVAL)
        except TimeoutError:
            _log.error("a process does not answer", process=self.number, pid=self.pid)
            self.unresponsive = True
            self.kill()

    def _send(self, message: Message) -> None:
        self._writer.write(json.dumps(message).encode() + b"\n")
