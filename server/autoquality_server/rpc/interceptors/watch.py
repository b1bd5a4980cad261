"""Has the watchdog watch each call, from its beginning to its end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from autoquality_server.rpc.interceptors.behavior import AroundInterceptor, Call
from autoquality_server.rpc.interceptors.context import current_request_id
from autoquality_server.rpc.interceptors.deadlines import deadline_of
from autoquality_server.rpc.watchdog import Watchdog


class WatchInterceptor(AroundInterceptor):
    """Of one service: those on threads of their own hold no worker."""

    def __init__(self, watchdog: Watchdog, service: str) -> None:
        self._watchdog = watchdog
        self._service = service

    @contextmanager
    def around(self, call: Call) -> Iterator[None]:
        if call.service != self._service:
            yield
            return
        facts = {"request_id": current_request_id(), "rpc": call.method}
        with self._watchdog.watching(deadline_of(call.context), **facts):
            yield
