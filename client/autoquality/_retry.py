"""When a failed call is retried.

An encoding has no side effects, so every lost call is safe to retry:

- UNAVAILABLE: the server cannot be reached, shuts down, or died. This includes a failure during
  the answer, which gRPC's own retry policy does not retry.
- CANCELLED, if the client did not cancel: a server that shuts down does this to calls that it
  has not started, and to calls that it aborts. It also does this to a client that reads its
  answer too slowly. `_call` does not retry that.
- RESOURCE_EXHAUSTED, if the server says when to retry.

A server needs 3 to 7 seconds to replace a process that died. Meanwhile its other processes
refuse calls. Their retry hint covers their queue, not the replacement. So the delays also grow
by themselves, to more than 11 seconds in total.

A call that was sent and lost its connection may have crashed the server, so it gets fewer
retries. Before each retry, the client waits for a connection, because an attempt without one is
wasted.
"""

from __future__ import annotations

import random
import time

import grpc

from autoquality._connection import LOST
from autoquality._errors import (
    AutoQualityError,
    CancelledError,
    OverloadedError,
    UnavailableError,
    trailing_metadata,
)
from autoquality._status import ErrorInfo

RETRIED = (OverloadedError, UnavailableError, CancelledError)
"""Errors that a retry may avoid."""

PUSHBACK_KEY = "grpc-retry-pushback-ms"

# Longer timeouts (over 31 years) overflow in gRPC and expire at once.
_MAX_TIMEOUT = 1e9

RETRIES = 5
"""The default number of retries."""

MAX_RETRIES = 8
"""The delays between that many attempts exceed 20 seconds in total."""

MAX_LOSSES = 3
"""How often a call may lose its connection and be retried. It may be the call that crashes
servers."""

_MAX_OUTAGE = 10.0
"""Seconds that a retry waits for a connection."""

_FIRST_DELAY = 0.25
_MAX_DELAY = 4.0
_DELAY_GROWTH = 3.0


class Backoff:
    """The retries of one call: whether there is one, when, and for how long it may wait.

    It never waits itself. `_call` and `_async_call` do, each in its own way.
    """

    def __init__(self, retries: int, timeout: float | None) -> None:
        """Start the clock. `timeout` is in seconds, or None."""
        if timeout is not None and timeout > _MAX_TIMEOUT:
            timeout = None
        self._end = None if timeout is None else time.monotonic() + timeout
        self._retries = retries
        self._attempt = 0
        self._losses = 0

    @property
    def time_left(self) -> float | None:
        """Seconds until the deadline, 0 or more. None without a deadline."""
        return None if self._end is None else max(0.0, self._end - time.monotonic())

    @property
    def outage_left(self) -> float:
        """Seconds that a retry may wait for a connection."""
        return _MAX_OUTAGE if self.time_left is None else min(_MAX_OUTAGE, self.time_left)

    def next_delay(self, error: AutoQualityError) -> float:
        """Return the seconds to wait until the next attempt. Raises `error` if there is none."""
        lost = may_have_crashed(error)
        delay = retry_delay(delay_after(error, self._attempt), pushback_of(error))
        too_late = self._end is not None and time.monotonic() + (delay or 0) >= self._end
        too_often = self._attempt == self._retries or (lost and self._losses == MAX_LOSSES)
        if too_often or delay is None or too_late:
            raise error
        self._attempt += 1
        self._losses += lost
        return delay


def is_lost(error: AutoQualityError) -> bool:
    """Whether the call lost its server, so that a retry first waits for a connection."""
    return not isinstance(error, OverloadedError)


def may_have_crashed(error: AutoQualityError) -> bool:
    """Whether a lost call may have ended its server. It cannot if it was not sent."""
    return is_lost(error) and not any(
        isinstance(detail, ErrorInfo)
        and detail.domain == "autoquality.client"
        and detail.reason != LOST
        for detail in error.details
    )


def delay_after(error: AutoQualityError, attempt: int) -> float:
    """Return the seconds to wait after this attempt (0 is the first), without jitter."""
    hint = error.retry_after if isinstance(error, OverloadedError) else 0.0
    return max(hint, min(_FIRST_DELAY * _DELAY_GROWTH**attempt, _MAX_DELAY))


def retry_delay(delay: float, pushback: str | None) -> float | None:
    """Return the seconds to wait before a retry, or None to give up.

    `pushback` is the metadata grpc-retry-pushback-ms of gRFC A6, in milliseconds. Any value but
    a whole number, 0 or more, forbids a retry. Up to a quarter is added as jitter, so that
    callers that were refused together do not retry together.
    """
    if pushback is not None:
        if not pushback.isdecimal():
            return None
        delay = max(delay, int(pushback) / 1000)
    jitter = random.uniform(0.0, 0.05 + delay / 4)  # noqa: S311 (needs no secrecy)
    return delay + jitter


def pushback_of(error: AutoQualityError) -> str | None:
    """Return the metadata grpc-retry-pushback-ms of a failed call."""
    if not isinstance(error.__cause__, grpc.RpcError):
        return None
    value = trailing_metadata(error.__cause__).get(PUSHBACK_KEY)
    return None if value is None else str(value)
