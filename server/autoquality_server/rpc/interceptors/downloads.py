"""Cancels calls whose answer is not taken in time.

gRPC holds a message back until the caller has room for it. A caller that does not read a stream
would keep a thread and an image. One that does not read a unary answer would keep the answer in
memory and delay the drain.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, closing
from typing import Any

from autoquality_server.rpc.interceptors.timer import TimeoutTimer
from autoquality_server.rpc.request_context import RequestContext
from autoquality_server.telemetry.logs import logger

TIMEOUT = "DOWNLOAD_TIMEOUT"

_log = logger(__name__)


class Downloads:
    """Limits the time for each message of an answer."""

    def __init__(self, timer: TimeoutTimer, rejected: Callable[[str], None]) -> None:
        """Call `rejected` with the reason on a timeout."""
        self._timer = timer
        self._rejected = rejected

    def limit(self, request: RequestContext) -> None:
        """Limit the time to take a unary answer, which gRPC sends after the handler returned."""

        def cancel() -> None:
            self._rejected(TIMEOUT)
            with request.active():
                _log.warning("an answer was not taken in time", reason=TIMEOUT)
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
                            self._rejected(TIMEOUT)
                            request.attributes["reason"] = TIMEOUT
