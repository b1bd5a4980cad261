"""One call: its deadline, its retries, its errors.

Encoding has no side effects, so whatever was lost with a server is asked of
the next:

- UNAVAILABLE: the server cannot be reached, leaves, or died. Also in the middle
  of its answer, which is where gRPC's own retry policy gives up.
- CANCELLED that nobody here asked for: what a server that begins to leave says
  of a call that it had not looked at yet, and of one that it cut off.
- RESOURCE_EXHAUSTED where the server says when to come back.
"""

from __future__ import annotations

import random
import threading
import time
from dataclasses import dataclass
from typing import Generic, TypeVar

import grpc
from google.protobuf.message import Message

from autoquality._errors import (
    REQUEST_ID_KEY,
    AutoQualityError,
    CancelledError,
    OverloadedError,
    UnavailableError,
    error_from,
    trailing_metadata,
)
from autoquality._trace import trace_context

_Request = TypeVar("_Request", bound=Message)
_Response = TypeVar("_Response", bound=Message)

Metadata = tuple[tuple[str, str | bytes], ...]
PUSHBACK_KEY = "grpc-retry-pushback-ms"

# Longer ones (over 31 years) overflow inside gRPC and pass at once.
_LONGEST_TIMEOUT = 1e9

# Three retries span the seconds that a server takes to start anew.
_FIRST_WAIT = 0.25
_LONGEST_WAIT = 4.0
_WAIT_GROWS = 3.0


@dataclass(frozen=True, slots=True)
class Reply(Generic[_Response]):
    """The answer, and what the server's log calls the request."""

    message: _Response
    request_id: str


class Caller:
    """Makes calls until it is closed; thread-safe."""

    def __init__(self, retries: int) -> None:
        self._retries = retries
        self._closed = threading.Event()

    def close(self) -> None:
        """Make no more calls, and wake those that wait for their next attempt."""
        self._closed.set()

    def call(
        self,
        method: grpc.UnaryUnaryMultiCallable[_Request, _Response],
        request: _Request,
        *,
        timeout: float | None,
        metadata: Metadata,
        request_id: str,
        wait_for_ready: bool = False,
    ) -> Reply[_Response]:
        """Call `method`; all attempts together take at most `timeout` seconds.

        Raises AutoQualityError, and RuntimeError once closed.
        """
        if timeout is not None and timeout > _LONGEST_TIMEOUT:
            timeout = None
        end = None if timeout is None else time.monotonic() + timeout
        metadata = (*metadata, *trace_context(metadata), (REQUEST_ID_KEY, request_id))
        for attempt in range(self._retries + 1):
            remaining = None if end is None else max(0.0, end - time.monotonic())
            try:
                return self._attempt(
                    method, request, remaining, metadata, request_id, wait_for_ready
                )
            except (OverloadedError, UnavailableError, CancelledError) as error:
                delay = retry_delay(_wait_after(error, attempt), _pushback(error))
                too_late = end is not None and time.monotonic() + (delay or 0) >= end
                if attempt == self._retries or delay is None or too_late:
                    raise
                if self._closed.wait(delay):
                    raise CancelledError(
                        "the client was closed",
                        code=grpc.StatusCode.CANCELLED,
                        request_id=request_id,
                    ) from error
        raise AssertionError("the last attempt returns or raises")

    def _attempt(
        self,
        method: grpc.UnaryUnaryMultiCallable[_Request, _Response],
        request: _Request,
        timeout: float | None,
        metadata: Metadata,
        request_id: str,
        wait_for_ready: bool,
    ) -> Reply[_Response]:
        if self._closed.is_set():
            raise RuntimeError("the client is closed")
        try:
            # Not a blocking call: that could not be cancelled by Ctrl-C, and
            # the server would go on working for nobody.
            call = method.future(
                request, timeout=timeout, metadata=metadata, wait_for_ready=wait_for_ready
            )
        except grpc.RpcError as failure:
            raise error_from(failure, request_id) from failure
        except ValueError:
            # The channel was closed since the check above.
            if self._closed.is_set():
                raise RuntimeError("the client is closed") from None
            raise
        try:
            message = call.result()
        except grpc.RpcError as failure:
            raise error_from(failure, request_id) from failure
        except BaseException:
            call.cancel()
            raise
        told = trailing_metadata(call).get(REQUEST_ID_KEY)
        return Reply(message, str(told or request_id))


def retry_delay(retry_after: float, pushback: str | None) -> float | None:
    """Seconds to wait before the next attempt, None for never.

    `retry_after` comes from google.rpc.RetryInfo, `pushback` is the metadata
    grpc-retry-pushback-ms of gRFC A6: milliseconds, and anything but a whole
    number, 0 or more, means never. Up to a quarter is added, so that callers
    who were refused together do not come back together.
    """
    delay = retry_after
    if pushback is not None:
        if not pushback.isdecimal():
            return None
        delay = max(delay, int(pushback) / 1000)
    jitter = random.uniform(0.0, 0.05 + delay / 4)  # noqa: S311 (nobody gains by guessing it)
    return delay + jitter


def _wait_after(error: AutoQualityError, attempt: int) -> float:
    """Seconds to wait after attempt number `attempt` (0 is the first) ended with `error`."""
    if isinstance(error, OverloadedError):
        return error.retry_after
    return min(_FIRST_WAIT * _WAIT_GROWS**attempt, _LONGEST_WAIT)


def _pushback(error: AutoQualityError) -> str | None:
    if not isinstance(error.__cause__, grpc.RpcError):
        return None
    value = trailing_metadata(error.__cause__).get(PUSHBACK_KEY)
    return None if value is None else str(value)
