"""One call, unary or streamed: its attempts, its request id and its errors."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, TypeVar

import grpc
from google.protobuf.message import Message

from autoquality._connection import Peer
from autoquality._errors import (
    REQUEST_ID_KEY,
    AutoQualityError,
    CancelledError,
    error_from,
    trailing_metadata,
)
from autoquality._retry import RETRIED, Backoff, is_lost
from autoquality._schema import HealthCheckRequest, health_check

_Request = TypeVar("_Request", bound=Message)
_Response = TypeVar("_Response", bound=Message)

Metadata = tuple[tuple[str, str | bytes], ...]

POLL_SECONDS = 0.1
"""How often a wait for a connection looks."""

_LATE = grpc.StatusCode.DEADLINE_EXCEEDED


@dataclass(frozen=True, slots=True)
class CallOptions:
    """The options of one call."""

    timeout: float | None
    """Seconds for all attempts together. None has no limit."""
    metadata: Metadata
    request_id: str
    retries: int

    def backoff(self) -> Backoff:
        """Start the clock of the call."""
        return Backoff(self.retries, self.timeout)

    def sent_metadata(self) -> Metadata:
        """Return the metadata of each attempt, with the request id and the caller's trace."""
        trace = _trace_context(self.metadata)
        return (*self.metadata, *trace, (REQUEST_ID_KEY, self.request_id))


class Caller:
    """Makes calls until it is closed. Thread-safe."""

    def __init__(self, channel: grpc.Channel, peer: Peer) -> None:
        self.peer = peer
        self._check_health = health_check(channel)
        self._closed = threading.Event()

    def close(self) -> None:
        """Make no more calls, and end the waits for a next attempt."""
        self._closed.set()

    def call(
        self,
        method: grpc.UnaryUnaryMultiCallable[_Request, _Response],
        request: _Request,
        options: CallOptions,
        *,
        wait_for_ready: bool = False,
    ) -> tuple[_Response, str]:
        """Call `method`, and retry it. Returns the answer and the request's id.

        Raises AutoQualityError, and RuntimeError once closed.
        """
        backoff = options.backoff()
        metadata = options.sent_metadata()
        while True:
            try:
                with self._started(options.request_id):
                    # A blocking call would ignore Ctrl-C, and the server would go on working.
                    call = method.future(
                        request,
                        timeout=backoff.time_left,
                        metadata=metadata,
                        wait_for_ready=wait_for_ready,
                    )
                return _reply(call, options.request_id)
            except RETRIED as error:
                check_unanswered(error, has_answered(error.__cause__))
                self._wait_after(error, backoff)

    def stream(
        self,
        method: grpc.StreamStreamMultiCallable[_Request, _Response],
        requests: Iterable[_Request],
        is_answer: Callable[[_Response], bool],
        options: CallOptions,
    ) -> Generator[_Response | str, None, None]:
        """Call `method` like `call` does. Yields the messages, then the request's id.

        Each attempt iterates over `requests` again, and yields its messages from the first one.
        `is_answer` is true for the message that begins the answer, after the work is done.
        """
        backoff = options.backoff()
        metadata = options.sent_metadata()
        while True:
            answered = False
            try:
                with self._started(options.request_id):
                    call = method(iter(requests), timeout=backoff.time_left, metadata=metadata)
                try:
                    for message in call:
                        answered = answered or is_answer(message)
                        yield message
                except grpc.RpcError as failure:
                    raise error_from(failure, options.request_id) from failure
                finally:
                    call.cancel()
                yield request_id_in(trailing_metadata(call), options.request_id)
                return
            except RETRIED as error:
                check_unanswered(error, answered)
                self._wait_after(error, backoff)

    def _wait_after(self, error: AutoQualityError, backoff: Backoff) -> None:
        """Wait until the next attempt. Raises `error`, with its cause, if there is none.

        Raises CancelledError if the client is closed during the wait.
        """
        explained, permanent = self.peer.explain(error, backoff.time_left)
        if permanent:
            raise explained from error.__cause__
        closed = self._closed.wait(backoff.next_delay(explained))
        if not closed and is_lost(error) and not self._wait_connected(backoff.outage_left):
            raise explained
        if self._closed.is_set():
            raise closed_error(error.request_id) from error

    def _wait_connected(self, seconds: float) -> bool:
        """Wait for a connection or for the client's end. False if neither came in time.

        Any answer to a health check shows a connection. gRPC's own wait leaves a thread behind,
        which fails with a traceback if the channel is closed meanwhile.
        """
        try:
            check = self._check_health.future(
                HealthCheckRequest(), timeout=seconds, wait_for_ready=True
            )
        except ValueError:  # the channel was just closed
            return True
        try:
            while not self._closed.is_set():
                with suppress(grpc.FutureTimeoutError):
                    failure = check.exception(POLL_SECONDS)
                    return failure is None or failure.code() is not _LATE
        except grpc.FutureCancelledError:  # the channel was closed
            return True
        finally:
            check.cancel()
        return True

    @contextmanager
    def _started(self, request_id: str) -> Iterator[None]:
        """Start a call in the body. Raises AutoQualityError, and RuntimeError once closed."""
        if self._closed.is_set():
            raise RuntimeError("the client is closed")
        try:
            yield
        except grpc.RpcError as failure:
            raise error_from(failure, request_id) from failure
        except ValueError:
            # The channel was closed after the check above.
            if self._closed.is_set():
                raise RuntimeError("the client is closed") from None
            raise


def _reply(call: Any, request_id: str) -> tuple[Any, str]:
    """Wait for the answer. An interrupt cancels the call."""
    try:
        message = call.result()
    except grpc.RpcError as failure:
        raise error_from(failure, request_id) from failure
    except BaseException:
        call.cancel()
        raise
    return message, request_id_in(trailing_metadata(call), request_id)


def request_id_in(trailing: Mapping[str, str | bytes], sent: str) -> str:
    """Return the request's id in the server's log. The server may replace the id we `sent`."""
    return str(trailing.get(REQUEST_ID_KEY) or sent)


def has_answered(failure: object) -> bool:
    """Whether the server had an answer to a unary call. It sends initial metadata only then."""
    if not isinstance(failure, grpc.Call | grpc.aio.AioRpcError):
        return False
    return any(key == REQUEST_ID_KEY for key, _ in failure.initial_metadata() or ())


def check_unanswered(error: AutoQualityError, answered: bool) -> None:
    """Raise a CancelledError if the server cancelled the call during its answer.

    The server does that to a client that reads too slowly. A retry would be no faster.
    """
    if answered and isinstance(error, CancelledError):
        raise CancelledError(
            "the server cancelled the call during its answer: the client read too slowly",
            code=error.code,
            request_id=error.request_id,
            details=error.details,
        ) from error.__cause__


def closed_error(request_id: str | None) -> CancelledError:
    """Return the error of a call whose client was closed."""
    return CancelledError(
        "the client was closed", code=grpc.StatusCode.CANCELLED, request_id=request_id
    )


def _trace_context(metadata: Metadata) -> Metadata:
    """Return metadata with the current span, for the server to continue the trace.

    Empty without a span, or if `metadata` has one. A program with a span has imported
    OpenTelemetry. Other programs need not install it. An instrumented channel replaces the span.
    """
    propagate = sys.modules.get("opentelemetry.propagate")
    if propagate is None or any(key == "traceparent" for key, _ in metadata):
        return ()
    carrier: dict[str, str] = {}
    propagate.inject(carrier)
    return tuple((key.lower(), value) for key, value in carrier.items())
