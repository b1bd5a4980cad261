"""One call in asyncio. Its request id, its retries and its errors are those of `_call`."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

import grpc
from google.protobuf.message import Message

from autoquality._call import (
    POLL_SECONDS,
    CallOptions,
    check_unanswered,
    closed_error,
    has_answered,
    request_id_in,
)
from autoquality._channel import Endpoint
from autoquality._errors import AutoQualityError, error_from
from autoquality._retry import RETRIED, Backoff, is_lost

_Request = TypeVar("_Request", bound=Message)
_Response = TypeVar("_Response", bound=Message)

_T = TypeVar("_T")

_READY = grpc.ChannelConnectivity.READY

_BROKEN_WRITE = "Internal error from Core"
"""The details with which grpc.aio replaces a status."""

_STATUS_SECONDS = 1.0
"""How long to wait for the status behind that."""


class AsyncCaller:
    """Makes calls in one event loop until it is closed."""

    def __init__(self, server: Endpoint) -> None:
        self.peer = server.peer
        self._server = server
        self._loop: asyncio.AbstractEventLoop | None = None
        self._channel: grpc.aio.Channel | None = None
        self._calls = set[Any]()
        self._closed = asyncio.Event()

    def channel(self) -> grpc.aio.Channel:
        """Return the channel. The first call opens it, because it belongs to its event loop.

        Raises RuntimeError once closed, and in another event loop.
        """
        if self._closed.is_set():
            raise RuntimeError("the client is closed")
        loop = asyncio.get_running_loop()
        if self._channel is None:
            self._loop, self._channel = loop, self._server.open(grpc.aio)
        if self._loop is not loop:
            raise RuntimeError("this client belongs to another event loop: make one for each loop")
        return self._channel

    async def close(self) -> None:
        """Make no more calls, cancel those that run, and end the waits for a next attempt."""
        self._closed.set()
        for call in tuple(self._calls):
            call.cancel()
        if self._channel is not None:
            await self._channel.close()

    async def call(
        self,
        method: grpc.aio.UnaryUnaryMultiCallable[_Request, _Response],
        request: _Request,
        options: CallOptions,
        *,
        wait_for_ready: bool = False,
    ) -> tuple[_Response, str]:
        """Call `method`, and retry it, like `Caller.call` does."""
        backoff = options.backoff()
        metadata = options.sent_metadata()
        while True:
            try:
                self.channel()
                call = method(
                    request,
                    timeout=backoff.time_left,
                    metadata=metadata,
                    wait_for_ready=wait_for_ready,
                )
                with self._running(call, options.request_id):
                    message = await call
                    trailing = dict(iter(await call.trailing_metadata()))
                return message, request_id_in(trailing, options.request_id)
            except RETRIED as error:
                check_unanswered(error, has_answered(error.__cause__))
                await self._wait_after(error, backoff)

    async def stream(
        self,
        method: grpc.aio.StreamStreamMultiCallable[_Request, _Response],
        requests: AsyncIterable[_Request],
        is_answer: Callable[[_Response], bool],
        options: CallOptions,
    ) -> AsyncGenerator[_Response | str, None]:
        """Call `method`, and retry it, like `Caller.stream` does."""
        backoff = options.backoff()
        metadata = options.sent_metadata()
        while True:
            answered = False
            try:
                self.channel()
                call = method(aiter(requests), timeout=backoff.time_left, metadata=metadata)
                with self._running(call, options.request_id):
                    status = _SentStatus(call)
                    try:
                        async for message in call:
                            answered = answered or is_answer(message)
                            yield message
                    except grpc.aio.AioRpcError as failure:
                        raise await status.instead_of(failure) from None
                    trailing = dict(iter(await call.trailing_metadata()))
                yield request_id_in(trailing, options.request_id)
                return
            except RETRIED as error:
                check_unanswered(error, answered)
                await self._wait_after(error, backoff)

    @contextmanager
    def _running(self, call: Any, request_id: str) -> Iterator[None]:
        """Wait for `call` in the body, and cancel what is left of it. Raises AutoQualityError."""
        self._calls.add(call)
        try:
            yield
        except grpc.RpcError as failure:
            raise error_from(failure, request_id) from failure
        except asyncio.CancelledError:
            # gRPC raises this for a call that `close` cancelled, as for a task that is cancelled.
            task = asyncio.current_task()
            if self._closed.is_set() and not (task and task.cancelling()):
                raise closed_error(request_id) from None
            raise
        finally:
            call.cancel()
            self._calls.discard(call)

    async def _wait_after(self, error: AutoQualityError, backoff: Backoff) -> None:
        """Wait like `Caller` does."""
        explained, permanent = await asyncio.to_thread(self.peer.explain, error, backoff.time_left)
        if permanent:
            raise explained from error.__cause__
        closed = await _is_set_within(backoff.next_delay(explained), self._closed)
        if not closed and is_lost(error) and not await self._wait_connected(backoff.outage_left):
            raise explained
        if self._closed.is_set():
            raise closed_error(error.request_id) from error

    async def _wait_connected(self, seconds: float) -> bool:
        """Wait for a connection or for the client's end. False if neither came in time."""
        end = time.monotonic() + seconds
        # gRPC cannot stop to watch a state. Its event would come after the end of the loop.
        while self.channel().get_state(try_to_connect=True) is not _READY:
            if await _is_set_within(POLL_SECONDS, self._closed):
                return True
            if time.monotonic() >= end:
                return False
        return True


class _SentStatus:
    """The status of a stream as the server sent it.

    grpc.aio replaces it with INTERNAL if the stream ends during a write, for example because the
    server refuses the request before it has read all of it.
    """

    def __init__(self, call: Any) -> None:
        self._sent: grpc.aio.AioRpcError | None = None
        self._arrived = asyncio.Event()
        call.add_done_callback(self._note)

    async def instead_of(self, failure: grpc.aio.AioRpcError) -> grpc.aio.AioRpcError:
        """Return the failure that the server sent, if `failure` replaces one."""
        if failure.details() != _BROKEN_WRITE:
            return failure
        await _is_set_within(_STATUS_SECONDS, self._arrived)
        return self._sent or failure  # without one, gRPC itself failed

    def _note(self, call: grpc.aio.Call) -> None:
        """Keep the status of a call that has just got one. It may get another."""
        details = _result_now(call.details())
        if self._sent is None and details != _BROKEN_WRITE:
            self._sent = grpc.aio.AioRpcError(
                _result_now(call.code()),
                _result_now(call.initial_metadata()),
                _result_now(call.trailing_metadata()),
                details,
            )
            self._arrived.set()


async def _is_set_within(seconds: float, event: asyncio.Event) -> bool:
    """Wait for an event, and return whether it came in time."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
    return event.is_set()


def _result_now(coroutine: Coroutine[Any, Any, _T]) -> _T:
    """Return the result of a coroutine that need not wait."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        result: _T = end.value
        return result
    raise AssertionError("a call that has ended has a status")
