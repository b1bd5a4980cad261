"""One call of a method: its identity, its caller and its status."""

from __future__ import annotations

import re
import uuid
from typing import Any, TypeAlias, cast

import grpc

from autoquality_core.runtime.context import Context, active_context
from autoquality_core.runtime.deadline import Deadline

REQUEST_ID_KEY = "x-request-id"

Metadata: TypeAlias = tuple[tuple[str, str | bytes], ...]

_VALID_ID = re.compile(r"[\x21-\x7e]{1,128}")
_NO_DEADLINE_SECONDS = 1e9
"""Without a deadline grpc's `time_remaining` is about 9e18 rather than None."""


class RequestContext(Context):
    """The context of a call; its `attributes` are in the call's log lines and span."""

    def __init__(
        self,
        call: grpc.ServicerContext,
        service: str,
        method: str,
        metadata: Metadata,
        *,
        streams: bool = False,
        returns_early: bool = False,
    ) -> None:
        """Start with the call.

        `streams`: it has several responses. `returns_early`: its handler returns
        while the call goes on, as gRPC's non-blocking handlers do.
        """
        super().__init__(_deadline_of(call))
        self.call = call
        self.service = service
        self.method = method
        self.metadata = metadata
        self.streams = streams
        self.returns_early = returns_early
        self.id = _request_id(metadata)
        self.caller = ""
        """The identity of the caller, empty before it is known."""
        self.attributes.update(request_id=self.id, rpc=f"{service}/{method}")

    @property
    def code(self) -> grpc.StatusCode | None:
        code: grpc.StatusCode | None = cast("Any", self.call).code()  # missing in the stubs
        return code

    def code_after(self, *, raised: bool) -> grpc.StatusCode:
        """The status of the call, once its handler has returned or raised."""
        if self.code is not None:
            return self.code
        if not raised:
            return grpc.StatusCode.OK
        alive = self.call.is_active()
        return grpc.StatusCode.UNKNOWN if alive else grpc.StatusCode.CANCELLED


def current_request() -> RequestContext:
    """The call that this thread serves. Raises LookupError outside of one."""
    context = active_context()
    if not isinstance(context, RequestContext):
        raise LookupError("this thread serves no call")
    return context


def _deadline_of(call: grpc.ServicerContext) -> Deadline:
    remaining = call.time_remaining()
    deadline = Deadline(remaining if remaining < _NO_DEADLINE_SECONDS else None)
    if not call.add_callback(deadline.cancel):
        deadline.cancel()  # the call had already ended
    return deadline


def _request_id(metadata: Metadata) -> str:
    for key, value in metadata:
        if key == REQUEST_ID_KEY and isinstance(value, str) and _VALID_ID.fullmatch(value):
            return value
    return uuid.uuid4().hex
