"""Limits per caller: a caller over its limit is refused, other callers are served."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_health.v1 import health_pb2
from hypothesis import given
from hypothesis import strategies as st

from autoquality import Client, OverloadedError, QuotaFailure, QuotaViolation
from autoquality_core.runtime.deadline import Deadline
from autoquality_server.auth import rates
from autoquality_server.auth.rates import BURST_SECONDS, RateExceeded, Rates, TokenBucket
from tests.photos import crop
from tests.rpc.conftest import Served, health_stub
from tests.rpc.scripted import request
from tests.rpc.test_errors import detail
from tests.servers import NO_NETWORKS, running_server
from tests.stream.serving import serving

ONE, OTHER = "one-of-the-tokens-0001", "the-token-of-another-1"


def test_a_bucket_holds_a_burst_and_refills_over_time() -> None:
    bucket = TokenBucket(2.0, now=100.0)
    assert [bucket.take(1, 100.0) for _ in range(10)] == [0] * 10
    assert bucket.take(1, 100.0) == 0.5
    assert bucket.take(1, 100.25) == 0.25
    assert bucket.take(1, 100.5) == 0
    assert bucket.take(1, 100.5) == 0.5
    assert [bucket.take(1, 10_000.0) for _ in range(11)] == [0] * 10 + [0.5]


def test_an_amount_above_the_capacity_needs_a_full_bucket_and_is_paid_back() -> None:
    bucket = TokenBucket(1.0, now=0.0)
    assert bucket.take(25, 0.0) == 0
    assert bucket.take(1, 0.0) == 21
    assert bucket.take(1, 21.0) == 0
    assert bucket.take(25, 21.0) == 5


@given(st.lists(st.tuples(st.floats(0.01, 20), st.floats(0, 3)), max_size=50))
def test_a_bucket_never_gives_more_than_a_burst_the_refill_and_one_large_request(
    asked: list[tuple[float, float]],
) -> None:
    bucket, now, given = TokenBucket(1.5, now=0.0), 0.0, 0.0
    for amount, pause in asked:
        now += pause
        if bucket.take(amount, now) == 0:
            given += amount
    assert given <= 1.5 * BURST_SECONDS + 1.5 * now + 20 + 1e-6


def exhaust(limit: Rates, caller: str) -> None:
    for _ in range(10_000):
        limit.take(caller, 1)


def test_a_refused_caller_is_served_after_the_wait_that_the_error_names() -> None:
    limit = Rates("requests", 50.0)
    for _ in range(3):
        with pytest.raises(RateExceeded) as caught:
            exhaust(limit, "somebody")
        assert caught.value.limit == "at most 50 requests a second"
        time.sleep(caught.value.retry_seconds)
        limit.take("somebody", 1)


def test_only_so_many_callers_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rates, "MOST_CALLERS", 3)
    limit = Rates("requests", 0.001)
    for number in range(100):
        limit.take("steady", 0.001)
        limit.take(f"caller {number}", 1)
        assert len(limit._buckets) <= 3
    with pytest.raises(RateExceeded):
        limit.take("steady", 1)  # still known: seen all the while
    limit.take("caller 0", 1)  # forgotten


def test_the_newest_10000_callers_are_remembered() -> None:
    limit = Rates("requests", 0.001)
    for number in range(10_050):
        limit.take(f"caller {number}", 1)
    assert len(limit._buckets) == 10_000


def test_without_a_limit_no_caller_is_remembered() -> None:
    limit = Rates("requests", 0.0)
    for number in range(100):
        limit.take(f"caller {number}", 1e9)
    assert not limit._buckets


@pytest.fixture
def server(serve_with: Callable[..., Served], tmp_path: Path) -> Served:
    """Allows one call in a thousand seconds to each of two callers."""
    tokens = tmp_path / "tokens"
    tokens.write_text(f"one:{ONE}\nother:{OTHER}\n")
    return serve_with(token_file=os.fspath(tokens), client_requests_per_second=0.001)


def encode_as(server: Served, token: str) -> Any:
    return server.stub.Encode(request(), metadata=(("authorization", f"Bearer {token}"),))


def test_a_caller_over_its_limit_gets_an_error_and_another_is_served(server: Served) -> None:
    assert encode_as(server, ONE).quality == 80
    with pytest.raises(grpc.RpcError) as caught:
        encode_as(server, ONE)
    call: Any = caught.value
    assert call.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    info = detail(call, error_details_pb2.ErrorInfo)
    assert info is not None and info.reason == "RATE_EXCEEDED"
    retry = detail(call, error_details_pb2.RetryInfo)
    assert retry is not None and 900 < retry.retry_delay.ToTimedelta().total_seconds() <= 1000
    quota = detail(call, error_details_pb2.QuotaFailure)
    assert quota is not None
    assert [(one.subject, one.description) for one in quota.violations] == [
        ("client:one", "at most 0.001 requests a second")
    ]
    assert encode_as(server, OTHER).quality == 80
    assert server.metrics['autoquality_rejected_total{reason="RATE_EXCEEDED"}'] == 1


def test_health_checks_are_not_counted(server: Served) -> None:
    for _ in range(5):
        assert health_stub(server.channel).Check(health_pb2.HealthCheckRequest()).status == 1


def test_the_limit_on_megapixels_counts_what_the_header_says(tmp_path: Path) -> None:
    settings = {"AUTOQUALITY_CLIENT_MEGAPIXELS_PER_SECOND": "0.0001"}
    picture = crop("coffee.png", 600, 400)
    with (
        running_server(tmp_path, {**NO_NETWORKS, **settings}) as server,
        Client(server.address, retries=0) as client,
    ):
        for _ in range(4):  # of 0.24 megapixels each
            last = client.encode(picture, format="jpeg", quality=80)
        with pytest.raises(OverloadedError) as caught:
            client.encode(picture, format="jpeg", quality=80)
        with pytest.raises(OverloadedError):
            client.compare(picture, last.image)
        assert client.info().version
    assert (
        QuotaFailure((QuotaViolation("client:127.0.0.1", "at most 0.0001 megapixels a second"),))
        in caught.value.details
    )
    assert caught.value.reason == "RATE_EXCEEDED"


def test_a_request_that_a_full_queue_refuses_costs_no_megapixels() -> None:
    picture = crop("coffee.png", 600, 400)  # 0.24 megapixels; the bucket holds 1
    with (
        serving(queue_size=0, client_megapixels_per_second=0.0001) as server,
        Client(f"127.0.0.1:{server.app.port}", retries=0) as client,
    ):
        with server.app.admission.admit(Deadline()):
            for _ in range(8):
                with pytest.raises(OverloadedError) as caught:
                    client.encode(picture, format="jpeg", quality=80)
                assert caught.value.reason == "QUEUE_FULL"
        assert client.encode(picture, format="jpeg", quality=80).quality == 80
