"""A request id is taken from the caller or made, and always given back."""

from __future__ import annotations

import re
from collections.abc import Callable

import grpc
import pytest

from tests.rpc.conftest import Served
from tests.rpc.scripted import request

KEY = "x-request-id"


def ids(call: grpc.Call) -> tuple[str | bytes | None, str | bytes | None]:
    """The ids in the initial and in the trailing metadata."""
    initial, trailing = dict(call.initial_metadata()), dict(call.trailing_metadata())
    return initial.get(KEY), trailing.get(KEY)


def test_the_callers_id_comes_back_with_the_result(serve_with: Callable[..., Served]) -> None:
    stub = serve_with().stub
    _, call = stub.Encode.with_call(request(), metadata=((KEY, "order-66/a"),))
    assert ids(call) == ("order-66/a", "order-66/a")


def test_without_one_an_id_is_made_for_each_request(serve_with: Callable[..., Served]) -> None:
    stub = serve_with().stub
    made = [ids(stub.Encode.with_call(request())[1])[1] for _ in range(2)]
    assert all(re.fullmatch(r"[0-9a-f]{32}", str(request_id)) for request_id in made)
    assert made[0] != made[1]


@pytest.mark.parametrize("bad", ["", "a b", "x" * 129])
def test_an_id_that_is_not_sane_is_replaced(serve_with: Callable[..., Served], bad: str) -> None:
    _, call = serve_with().stub.Encode.with_call(request(), metadata=((KEY, bad),))
    assert re.fullmatch(r"[0-9a-f]{32}", str(ids(call)[1]))


@pytest.mark.parametrize("error", ["field", "defect", "abort", "overloaded"])
def test_the_id_comes_back_with_errors_in_the_trailing_metadata_only(
    serve_with: Callable[..., Served], error: str
) -> None:
    """With initial metadata, the client's retry policy would no longer retry."""
    with pytest.raises(grpc.RpcError) as caught:
        serve_with().stub.Encode(request(error), metadata=((KEY, "mine"),))
    assert ids(caught.value) == (None, "mine")  # type: ignore[arg-type]
