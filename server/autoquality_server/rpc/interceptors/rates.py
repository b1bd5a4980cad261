"""Refuses callers that call more often than they may."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from autoquality_server.auth.caller import current_caller
from autoquality_server.auth.rates import Rates
from autoquality_server.rpc.interceptors.behavior import AroundInterceptor, Call


class RateInterceptor(AroundInterceptor):
    """Takes each call of `service` from its caller's allowance, before it is received."""

    def __init__(self, rates: Rates, service: str) -> None:
        self._rates = rates
        self._service = service

    @contextmanager
    def around(self, call: Call) -> Iterator[None]:
        if call.service == self._service:
            self._rates.take(current_caller(), 1)
        yield
