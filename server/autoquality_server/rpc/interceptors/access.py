"""Lets in whoever may call, and notes who it is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from autoquality_server.auth.caller import serving
from autoquality_server.auth.identity import Identify
from autoquality_server.rpc.interceptors.behavior import AroundInterceptor, Call
from autoquality_server.telemetry.logs import log_fields


class AccessInterceptor(AroundInterceptor):
    """Identifies the caller of every call, but for those of the `open_services`."""

    def __init__(self, identify: Identify, open_services: frozenset[str]) -> None:
        self._identify = identify
        self._open = open_services

    @contextmanager
    def around(self, call: Call) -> Iterator[None]:
        if call.service in self._open:
            yield
            return
        identity = self._identify(call.metadata, call.context)
        log_fields(caller=identity)
        with serving(identity):
            yield
