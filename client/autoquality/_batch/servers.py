"""The servers of a run: which one gets the next file, and which are left out for a while.

Each server gets as many files at the same time as it can work on and queue. The number follows
its refusals, because behind one name there may be many servers, and other clients use them too.
"""

from __future__ import annotations

import asyncio
import itertools
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from autoquality._async_client import AsyncClient
from autoquality._base_client import stream_above
from autoquality._cli.errors import Unreachable
from autoquality._errors import (
    AutoQualityError,
    CancelledError,
    DeadlineExceededError,
    OverloadedError,
    PermissionDeniedError,
    UnauthenticatedError,
    UnavailableError,
)
from autoquality._results import Encoded
from autoquality._retry import (
    MAX_LOSSES,
    delay_after,
    may_have_crashed,
    pushback_of,
    retry_delay,
)

_LOST = (
    UnavailableError,
    CancelledError,
    UnauthenticatedError,
    PermissionDeniedError,
    DeadlineExceededError,
)
"""Errors that may be the server's, so that another server may encode the file."""

_SHARED_LOSSES = 2
"""How often a file may lose a server that has other files. Then it gets a server alone: the others
are lost with it, and must not be taken for the cause."""

_HEALTH_SECONDS = 5.0
_RETURN_DELAYS = (0.0, 1.0, 2.0, 4.0, 8.0)
_LAST_RETURN_DELAY = 15.0
"""Seconds between the calls to a server that is left out."""


class NoServersError(Unreachable):
    """No server has answered for too long. The text has the reason of each."""


class Server:
    """One server of a run."""

    def __init__(self, target: str, client: AsyncClient) -> None:
        self.target = target
        self.client = client
        self.running = 0
        """Files that it has now."""
        self.limit = 1.0
        """Files that it may have at the same time."""
        self.fault: AutoQualityError | None = None
        """Why it is left out."""
        self._reserved = False
        self._ended = asyncio.Event()
        self._stream_above: int | None = None

    @property
    def is_free(self) -> bool:
        """Whether it may get another file."""
        return self.fault is None and not self._reserved and self.running < int(self.limit)

    async def reserve(self) -> None:
        """Wait until one file is left, and get no others before the end of that one."""
        self._reserved = True
        while self.running > 1:
            self._ended.clear()
            await self._ended.wait()

    def end(self) -> None:
        """Have one file less."""
        self.running -= 1
        self._reserved = self._reserved and self.running > 0
        self._ended.set()

    @property
    def why(self) -> str:
        """Why it is left out, without its address."""
        return str(self.fault).removeprefix(f"{self.target}: ")

    async def ask(self) -> None:
        """Learn its limits, or why it gives no answer."""
        try:
            limits = (await self.client.info(timeout=_HEALTH_SECONDS)).limits
        except AutoQualityError as error:
            self.fault = error
            return
        self.fault = None
        self.limit = float(max(1, limits.workers + limits.queue_size))
        self._stream_above = stream_above(limits)

    async def encode(self, image: bytes, options: Mapping[str, Any]) -> Encoded:
        """Encode once. Raises AutoQualityError."""
        try:
            encoded = await self.client.encode(image, stream_above=self._stream_above, **options)
        except OverloadedError:
            self.limit = max(1.0, self.limit - 1)
            raise
        if self.running >= int(self.limit):
            self.limit += 1 / self.limit
        return encoded


@dataclass(slots=True)
class _File:
    """A file that is encoded, and what happened to it."""

    image: bytes
    options: Mapping[str, Any]
    refusals: int = 0
    losses: int = 0
    """How often it may have ended a server."""


class Servers:
    """All servers of a run. Belongs to an event loop."""

    def __init__(
        self,
        servers: Sequence[Server],
        *,
        outage: float,
        results: int,
        report: Callable[[str], None],
    ) -> None:
        """`outage` is how many seconds no server may answer before the run ends.

        No file goes to a server while `results` results are not written yet. Otherwise slow
        storage would collect them in memory, and a kill would lose their work. `report` gets a
        line for a server that is left out, and for its return.
        """
        self._servers = servers
        self._outage = outage
        self._max_results = results
        self._results = 0
        self._report = report
        self._waiting = deque[asyncio.Future[Server]]()
        self._suspects = asyncio.Lock()
        self._returns = set[asyncio.Task[None]]()
        self._end: asyncio.TimerHandle | None = None
        self._ended: NoServersError | None = None

    async def start(self) -> None:
        """Ask all servers. Raises AutoQualityError if none answers."""
        await asyncio.gather(*(server.ask() for server in self._servers))
        absent = [server for server in self._servers if server.fault]
        if len(absent) == len(self._servers) and absent[0].fault:
            raise absent[0].fault
        for server in absent:
            self._bring_back_later(server)

    async def close(self) -> None:
        """Close all clients."""
        for task in self._returns:
            task.cancel()
        if self._end:
            self._end.cancel()
        await asyncio.gather(*(server.client.close() for server in self._servers))

    @asynccontextmanager
    async def encoded(
        self, image: bytes, options: Mapping[str, Any]
    ) -> AsyncIterator[tuple[Encoded, str]]:
        """Encode an image on any server, and give that server's target. The body writes it.

        Waits while all servers are full or left out. A file that lost several servers may be the
        cause: after two losses it gets a server alone, and the fourth loss fails it. Raises
        AutoQualityError and NoServersError.
        """
        result = await self._encode(image, options)
        self._results += 1
        try:
            yield result
        finally:
            self._results -= 1
            self._hand_out()

    async def _encode(self, image: bytes, options: Mapping[str, Any]) -> tuple[Encoded, str]:
        file = _File(image, options)
        while file.losses < _SHARED_LOSSES:
            if encoded := await self._try(file):
                return encoded
        async with self._suspects:
            while True:
                if encoded := await self._try(file, alone=True):
                    return encoded

    async def _try(self, file: _File, *, alone: bool = False) -> tuple[Encoded, str] | None:
        """Encode once, on a server without other files if `alone`. None if a retry may succeed."""
        server = await self._take(again=file.refusals + file.losses > 0)
        try:
            if alone:
                await server.reserve()
            return await server.encode(file.image, file.options), server.target
        except OverloadedError as error:
            delay = retry_delay(delay_after(error, file.refusals), pushback_of(error))
            if delay is None:
                raise
            file.refusals += 1
            await asyncio.sleep(delay)  # and keep the place at this server
        except _LOST as error:
            hung = isinstance(error, DeadlineExceededError)
            if hung and await server.client.health(timeout=_HEALTH_SECONDS):
                raise  # the server is well, so the file takes too long
            self._leave_out(server, error)
            file.losses += may_have_crashed(error)
            delay = retry_delay(delay_after(error, file.losses - 1), pushback_of(error))
            if file.losses > MAX_LOSSES or delay is None:
                raise
            if file.losses:
                await asyncio.sleep(delay)
        finally:
            server.end()
            self._hand_out()
        return None

    async def _take(self, *, again: bool) -> Server:
        """Return the server with the most room. Files that were refused go first."""
        if self._ended:
            raise self._ended
        waiter: asyncio.Future[Server] = asyncio.get_running_loop().create_future()
        if again:
            self._waiting.appendleft(waiter)
        else:
            self._waiting.append(waiter)
        self._hand_out()
        return await waiter

    def _hand_out(self) -> None:
        while self._waiting and self._results < self._max_results:
            free = [server for server in self._servers if server.is_free]
            if not free:
                return
            waiter = self._waiting.popleft()
            if not waiter.done():
                server = min(free, key=lambda one: one.running / one.limit)
                server.running += 1
                waiter.set_result(server)

    def _leave_out(self, server: Server, error: AutoQualityError) -> None:
        if server.fault is None:
            server.fault = error
            self._bring_back_later(server)

    def _bring_back_later(self, server: Server) -> None:
        task = asyncio.create_task(self._bring_back(server))
        self._returns.add(task)
        task.add_done_callback(self._returns.discard)
        if self._end is None and all(one.fault for one in self._servers):
            self._end = asyncio.get_running_loop().call_later(self._outage, self._give_up)

    async def _bring_back(self, server: Server) -> None:
        """Ask a server until it answers."""
        delays = itertools.chain(_RETURN_DELAYS, itertools.repeat(_LAST_RETURN_DELAY))
        for attempt, delay in enumerate(delays):
            await asyncio.sleep(delay)
            await server.ask()
            if server.fault is None:
                if attempt:
                    self._report(f"{server.target} is back")
                break
            if not attempt:
                self._report(f"{server.target} is left out until it answers: {server.why}")
        if self._end:
            self._end.cancel()
            self._end = None
        self._hand_out()

    def _give_up(self) -> None:
        reasons = "; ".join(f"{server.target}: {server.why}" for server in self._servers)
        self._ended = NoServersError(
            f"no server has answered for {self._outage:g} seconds ({reasons}); "
            "the same command continues"
        )
        for waiter in self._waiting:
            if not waiter.done():
                waiter.set_exception(self._ended)
