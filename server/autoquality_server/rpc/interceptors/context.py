"""The request id: taken from the caller or made, and given back."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import structlog

from autoquality_core.runtime.context import Context
from autoquality_server.rpc.interceptors.behavior import AroundInterceptor, Call

REQUEST_ID_KEY = "x-request-id"

_SANE = re.compile(r"[\x21-\x7e]{1,128}")
_current: ContextVar[str] = ContextVar("request_id", default="")


def current_request_id() -> str:
    """The id of the call that this thread serves, empty outside of one."""
    return _current.get()


class RequestContextInterceptor(AroundInterceptor):
    """Binds the request id to the thread and to its logs, and returns it.

    It is always in the trailing metadata. With a result it is in the initial
    metadata too, but not with an error: a client that has seen initial metadata
    does not retry the call any more.
    """

    @contextmanager
    def around(self, call: Call) -> Iterator[None]:
        request_id = _request_id(call)
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        _current.set(request_id)
        metadata = ((REQUEST_ID_KEY, request_id),)
        call.context.set_trailing_metadata(metadata)
        try:
            with Context().active():
                yield
            if not call.streams and call.context.is_active():
                call.context.send_initial_metadata(metadata)
        finally:
            _current.set("")


def _request_id(call: Call) -> str:
    for key, value in call.metadata:
        if key == REQUEST_ID_KEY and isinstance(value, str) and _SANE.fullmatch(value):
            return value
    return uuid.uuid4().hex
