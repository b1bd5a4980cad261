"""What belongs to one call is in one object."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import grpc
import pytest

from autoquality_core.errors import RequestCancelled
from autoquality_core.runtime.context import Context
from autoquality_server.rpc.request_context import RequestContext, current_request


class Call:
    """The part of gRPC's context that a request context uses."""

    def __init__(self, remaining: float = 1e12, *, ended: bool = False) -> None:
        self._remaining = remaining
        self._ended = ended
        self.callbacks: list[Callable[[], None]] = []
        self.status: grpc.StatusCode | None = None

    def time_remaining(self) -> float:
        return self._remaining

    def add_callback(self, callback: Callable[[], None]) -> bool:
        self.callbacks.append(callback)
        return not self._ended

    def is_active(self) -> bool:
        return not self._ended

    def code(self) -> grpc.StatusCode | None:
        return self.status


def request_of(call: Call, *metadata: tuple[str, str | bytes]) -> RequestContext:
    return RequestContext(cast("Any", call), "a.Service", "Method", metadata)


def test_its_attributes_name_the_request() -> None:
    request = request_of(Call(), ("x-request-id", "order-66"))
    assert request.id == "order-66"
    assert request.attributes == {"request_id": "order-66", "rpc": "a.Service/Method"}


def test_its_deadline_is_that_of_the_call_and_ends_with_it() -> None:
    call = Call(5.0)
    request = request_of(call)
    assert 0 < request.deadline.remaining() <= 5
    call.callbacks[0]()
    with pytest.raises(RequestCancelled):
        request.deadline.check()


def test_a_call_that_had_already_ended_is_cancelled() -> None:
    with pytest.raises(RequestCancelled):
        request_of(Call(ended=True)).deadline.check()


def test_without_a_deadline_it_has_none() -> None:
    assert request_of(Call()).deadline.remaining() == float("inf")


@pytest.mark.parametrize(
    ("call", "raised", "code"),
    [
        (Call(), False, grpc.StatusCode.OK),
        (Call(), True, grpc.StatusCode.UNKNOWN),
        (Call(ended=True), True, grpc.StatusCode.CANCELLED),
    ],
)
def test_the_code_of_a_call_that_set_none(call: Call, raised: bool, code: grpc.StatusCode) -> None:
    assert request_of(call).code_after(raised=raised) is code


def test_a_code_that_was_set_wins() -> None:
    call = Call()
    call.status = grpc.StatusCode.NOT_FOUND
    assert request_of(call).code_after(raised=True) is grpc.StatusCode.NOT_FOUND


def test_it_is_the_current_request_only_while_it_is_active() -> None:
    request = request_of(Call())
    with request.active():
        assert current_request() is request
    with pytest.raises(LookupError):
        current_request()
    with Context().active(), pytest.raises(LookupError):
        current_request()
