"""Receives requests and sends answers, each within a limited time.

gRPC would read a unary request before any interceptor runs. A caller without a token could send
hundreds of megabytes, and a silent one would hold a thread. So every request is a stream here,
and its messages are read on demand.

Messages are decoded here too. gRPC would decode them in its event thread, and report a malformed
one as INTERNAL with a traceback in the log.

gRPC holds a message of an answer back until the caller has room for it. A caller that does not
read a stream would keep a thread and an image. One that does not read a unary answer would keep
the answer in memory and delay the drain.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from typing import Any, TypeAlias, cast

import grpc
from google.protobuf.message import DecodeError

from autoquality_core.errors import ServiceError
from autoquality_core.runtime.allocator import trim_heap
from autoquality_core.runtime.context import step
from autoquality_server.rpc.request_context import RequestContext
from autoquality_server.telemetry.logs import logger

Decode: TypeAlias = Callable[[bytes], Any]

_DOWNLOAD_TIMEOUT = "DOWNLOAD_TIMEOUT"

CANCEL_DELAY = 0.2
"""Seconds. In gRPC a cancelled call may look complete, shortly before the cancellation. gRPC also
cancels a call whose message is too large."""

_LARGE_MESSAGE = 16 * 2**20
"""Bytes. gRPC receives a message in small pieces. Once freed, they leave holes in the heap."""

_log = logger(__name__)


class _Timeout:
    def __init__(self, due: float, on_timeout: Callable[[], object]) -> None:
        self.due = due
        self.on_timeout = on_timeout
        self.passed = False


class TimeoutTimer:
    """Gives every body the same time. Thread-safe; runs a thread until `close`."""

    def __init__(self, seconds: float) -> None:
        """`seconds` 0 means no limit."""
        self._seconds = seconds
        self._changed = threading.Condition()
        self._running: OrderedDict[_Timeout, None] = OrderedDict()
        self._closed = False
        self._thread = threading.Thread(target=self._work, name="timeouts", daemon=True)
        self._thread.start()

    def __len__(self) -> int:
        """The number of bodies that run."""
        return len(self._running)

    def close(self) -> None:
        """Stop the thread; no timeout passes any more."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join()

    @contextmanager
    def running(self, on_timeout: Callable[[], object]) -> Iterator[Callable[[], bool]]:
        """Call `on_timeout` in the timer's thread if the body takes too long.

        Yields a function that returns True once the time has passed.
        """
        timeout = _Timeout(time.monotonic() + self._seconds, on_timeout)
        with self._changed:
            # The thread never sleeps longer than a timeout, so it need not wake for this one.
            self._running[timeout] = None
        try:
            yield lambda: timeout.passed
        finally:
            with self._changed:
                self._running.pop(timeout, None)

    def _work(self) -> None:
        while True:
            with self._changed:
                if self._closed:
                    return
                first = next(iter(self._running), None)
                if first is None or not self._seconds:
                    self._changed.wait(self._seconds or None)
                    continue
                left = first.due - time.monotonic()
                if left > 0:
                    del first  # its work may end while this waits
                    self._changed.wait(left)
                    continue
                first.passed = True
                del self._running[first]
            first.on_timeout()


class RequestUnreadable(ServiceError):
    """The request is not the message that the method takes.

    Reasons: REQUEST_UNREADABLE, REQUEST_MISSING.
    """

    status = "INVALID_ARGUMENT"
    reason = "REQUEST_UNREADABLE"


class UploadTooSlow(ServiceError):
    """The request did not arrive in time.

    DEADLINE_EXCEEDED, because clients do not repeat such a call by themselves: the next
    upload over the same line would be no faster.
    """

    status = "DEADLINE_EXCEEDED"
    reason = "UPLOAD_TIMEOUT"
    usual = "the request did not arrive in time"


def receive_message(
    request: RequestContext, requests: Iterator[bytes], decode: Decode, timer: TimeoutTimer
) -> Any:
    """The only message.

    Raises RequestCancelled, DeadlinePassed, RequestUnreadable and UploadTooSlow.
    """
    with step("receive"), timer.running(_waker(request)) as timed_out, _ended(request):
        data = _next(requests, request, timed_out)
    if data is not None:
        return decode(data)
    request.deadline.check_soon(CANCEL_DELAY)
    raise RequestUnreadable("the request message is missing", reason="REQUEST_MISSING")


def receive_messages(
    request: RequestContext, requests: Iterator[bytes], decode: Decode, timer: TimeoutTimer
) -> Generator[Any, None, None]:
    """The messages of a stream, all within the time of `timer`.

    Raises RequestCancelled, DeadlinePassed, RequestUnreadable and UploadTooSlow.
    """
    with timer.running(_waker(request)) as timed_out, _ended(request):
        while (data := _next(requests, request, timed_out)) is not None:
            yield decode(data)


def receive_until_idle(
    request: RequestContext, requests: Iterator[bytes], decode: Decode, timer: TimeoutTimer
) -> Generator[Any, None, None]:
    """The messages of a stream, until none arrives within the time of `timer`.

    Raises RequestUnreadable.
    """
    with suppress(UploadTooSlow):
        while True:
            with timer.running(_waker(request)) as timed_out:
                data = _next(requests, request, timed_out)
            if data is None:
                return
            yield decode(data)


def decoder(method: str, deserialize: Decode, most: int | None = None) -> Decode:
    """`deserialize`, but it raises RequestUnreadable or MemoryError.

    More than `most` bytes are refused before they are decoded, which would double their memory.
    """

    def decode(data: bytes) -> Any:
        if most is not None and len(data) > most:
            raise RequestUnreadable(f"the request must have at most {most} bytes, has {len(data)}")
        try:
            return deserialize(data)
        except DecodeError as error:
            if "alloc" in str(error):
                raise MemoryError from None
            raise RequestUnreadable(
                "the request cannot be decoded: "
                f"it must be the protobuf message that {method} takes"
            ) from None

    return decode


def _next(
    requests: Iterator[bytes], request: RequestContext, timed_out: Callable[[], bool]
) -> bytes | None:
    """The next message, None after the last one."""
    # `wake` takes this lock, so it comes before the check or while the iterator waits.
    with _state(request).condition:
        data = None if timed_out() else next(requests, None)
    if data is not None and len(data) >= _LARGE_MESSAGE:
        trim_heap()
    if timed_out():
        raise UploadTooSlow
    return data


@contextmanager
def _ended(request: RequestContext) -> Iterator[None]:
    """Raise RequestCancelled or DeadlinePassed for a call that ends while the body receives."""
    try:
        yield
    except grpc.RpcError:
        request.deadline.check_soon(CANCEL_DELAY)
        raise


def _waker(request: RequestContext) -> Callable[[], None]:
    """A function that makes the iterator of requests return, in the thread that waits for it.

    Only that thread can end the call with a status. `call.cancel` would wake it too, but the
    caller would get CANCELLED without details, as from a server that shuts down.
    """
    state = _state(request)

    def wake() -> None:
        with state.condition:
            state.request = b""
            state.condition.notify_all()

    return wake


def _state(request: RequestContext) -> Any:
    # gRPC has no public way to end a wait for a message.
    return cast("Any", request.call)._state  # noqa: SLF001


class Downloads:
    """Limits the time for each message of an answer."""

    def __init__(self, timer: TimeoutTimer, rejected: Callable[[str], None]) -> None:
        """Call `rejected` with the reason on a timeout."""
        self._timer = timer
        self._rejected = rejected

    def limit(self, request: RequestContext) -> None:
        """Limit the time to take a unary answer, which gRPC sends after the handler returned."""

        def cancel() -> None:
            self._rejected(_DOWNLOAD_TIMEOUT)
            with request.active():
                _log.warning("an answer was not taken in time", reason=_DOWNLOAD_TIMEOUT)
            request.call.cancel()

        sending = ExitStack()
        sending.enter_context(self._timer.running(cancel))
        if not request.call.add_callback(sending.close):
            sending.close()

    def limited(
        self, request: RequestContext, messages: Generator[Any, None, None]
    ) -> Iterator[Any]:
        """The messages of a streamed answer; each must be taken in time."""
        with closing(messages):
            for message in messages:
                with self._timer.running(request.call.cancel) as timed_out:
                    try:
                        yield message
                    finally:
                        if timed_out():
                            self._rejected(_DOWNLOAD_TIMEOUT)
                            request.attributes["reason"] = _DOWNLOAD_TIMEOUT
