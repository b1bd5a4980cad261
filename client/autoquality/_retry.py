"""How often a call is tried again, and when.

Encoding has no side effects, so whatever was lost with a server is asked of
the next:

- UNAVAILABLE: the server cannot be reached, leaves, or died. Also in the middle
  of its answer, which is where gRPC's own retry policy gives up.
- CANCELLED that nobody here asked for: what a server that begins to leave says
  of a call that it had not looked at yet, and of one that it cut off. Not of one
  whose answer was on its way: a server does that to an answer taken too slowly.
- RESOURCE_EXHAUSTED where the server says when to come back.

A process of a server that dies takes 3 to 7 seconds to be replaced, and the others refuse what
they have no room for until then: they know how long their queue is, not when help comes. So the
waits grow by themselves too, to 11 seconds and more in all. A call whose connection was lost may
have ended its server, and is not repeated as often. Before its next attempt it waits until there
is a connection: an attempt without one would be lost.
"""

from __future__ import annotations

import contextlib
import random
import threading
import time

import grpc

from autoquality._errors import (
    AutoQualityError,
    CancelledError,
    OverloadedError,
    UnavailableError,
    trailing_metadata,
)

RETRIED = (OverloadedError, UnavailableError, CancelledError)
"""What may end otherwise the next time."""

PUSHBACK_KEY = "grpc-retry-pushback-ms"

# Longer ones (over 31 years) overflow inside gRPC and pass at once.
_LONGEST_TIMEOUT = 1e9

RETRIES = 5
"""How often a call is tried again by default."""

_MOST_LOSSES = 3
"""How often a call may lose its connection and be tried again: it may be what ends servers."""

_LONGEST_OUTAGE = 10.0
"""Seconds without any connection that an attempt waits for one."""

_FIRST_WAIT = 0.25
_LONGEST_WAIT = 4.0
_WAIT_GROWS = 3.0
_LOOK_EVERY = 0.1


class Patience:
    """What one call with all its attempts may take."""

    def __init__(
        self,
        channel: grpc.Channel,
        closed: threading.Event,
        retries: int,
        timeout: float | None,
        request_id: str,
    ) -> None:
        """Start now. `timeout` is in seconds, None for ever; `closed` ends it early."""
        self._channel = channel
        if timeout is not None and timeout > _LONGEST_TIMEOUT:
            timeout = None
        self._end = None if timeout is None else time.monotonic() + timeout
        self._closed = closed
        self._retries = retries
        self._request_id = request_id
        self._attempt = 0
        self._losses = 0

    @property
    def left(self) -> float | None:
        """Seconds for the next attempt, 0 or more; None for ever."""
        return None if self._end is None else max(0.0, self._end - time.monotonic())

    def wait_after(self, error: AutoQualityError) -> None:
        """Wait for the next attempt; raises `error` if it was the last that this one ended with.

        Raises CancelledError if the client is closed meanwhile.
        """
        lost = not isinstance(error, OverloadedError)
        delay = retry_delay(_wait_after(error, self._attempt), _pushback(error))
        too_late = self._end is not None and time.monotonic() + (delay or 0) >= self._end
        too_often = self._attempt == self._retries or (lost and self._losses == _MOST_LOSSES)
        if too_often or delay is None or too_late:
            raise error
        self._attempt += 1
        self._losses += lost
        if not self._closed.wait(delay) and lost and not self._connected():
            raise error
        if self._closed.is_set():
            raise CancelledError(
                "the client was closed",
                code=grpc.StatusCode.CANCELLED,
                request_id=self._request_id,
            ) from error

    def _connected(self) -> bool:
        """Wait for a connection, or for the end of the client; whether there was either in time."""
        left = _LONGEST_OUTAGE if self.left is None else min(_LONGEST_OUTAGE, self.left)
        end = time.monotonic() + left
        try:
            ready = grpc.channel_ready_future(self._channel)
        except ValueError:  # the channel was closed just now
            return True
        try:
            while not self._closed.is_set() and time.monotonic() < end:
                with contextlib.suppress(grpc.FutureTimeoutError):
                    ready.result(_LOOK_EVERY)
                    return True
            return self._closed.is_set()
        finally:
            ready.cancel()


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
    asked = error.retry_after if isinstance(error, OverloadedError) else 0.0
    return max(asked, min(_FIRST_WAIT * _WAIT_GROWS**attempt, _LONGEST_WAIT))


def _pushback(error: AutoQualityError) -> str | None:
    if not isinstance(error.__cause__, grpc.RpcError):
        return None
    value = trailing_metadata(error.__cause__).get(PUSHBACK_KEY)
    return None if value is None else str(value)
