"""What Prometheus sees: everything at zero from the start, then what happened."""

from __future__ import annotations

import errno
import socket
import urllib.request
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2
from prometheus_client import CollectorRegistry

from autoquality_core import errors
from autoquality_core.pipeline.job import EncodeResult
from autoquality_core.types import (
    Format,
    Method,
    Outcome,
    Probe,
    ResolvedTarget,
    Timings,
)
from autoquality_server.config.resources import available_memory
from autoquality_server.telemetry.metrics import REASONS, Metrics
from autoquality_server.telemetry.predictor_metrics import DropReason
from autoquality_server.telemetry.server import MetricsServer
from tests.rpc.conftest import ENCODING, Served, health_stub, scrape
from tests.rpc.scripted import request
from tests.waiting import LIMIT, until

GRPC = f'grpc_method="{{}}",grpc_service="{ENCODING}",grpc_type="unary"'


def handled(code: str, method: str = "Encode") -> str:
    return f'grpc_server_handled_total{{grpc_code="{code}",{GRPC.format(method)}}}'


def test_every_method_and_code_is_there_at_zero(serve_with: Callable[..., Served]) -> None:
    metrics = serve_with().metrics
    for method in ("Encode", "Compare", "GetServerInfo"):
        labels = GRPC.format(method)
        assert metrics[f"grpc_server_started_total{{{labels}}}"] == 0
        assert metrics[f"grpc_server_handling_seconds_count{{{labels}}}"] == 0
        for code in grpc.StatusCode:
            assert metrics[handled(code.name, method)] == 0
    health = 'grpc_method="Watch",grpc_service="grpc.health.v1.Health",grpc_type="server_stream"'
    assert metrics[f"grpc_server_started_total{{{health}}}"] == 0


def test_every_combination_of_our_own_labels_is_there_at_zero(
    serve_with: Callable[..., Served],
) -> None:
    metrics = serve_with().metrics
    for method in Method:
        for fmt in Format:
            labels = f'format="{fmt.value}",method="{method.value}"'
            scores = ("achieved_dssim", "achieved_ssimulacra2")
            for name in ("iterations", *scores, "encoded_bytes", "quality"):
                assert metrics[f"autoquality_{name}_count{{{labels}}}"] == 0
            for outcome in Outcome:
                labels = f'format="{fmt.value}",method="{method.value}",outcome="{outcome.value}"'
                assert metrics[f"autoquality_outcomes_total{{{labels}}}"] == 0
    for stage in ("queue", "decode", "predict", "encode", "measure"):
        assert metrics[f'autoquality_stage_duration_seconds_count{{stage="{stage}"}}'] == 0
    assert metrics["autoquality_source_bytes_count"] == 0
    assert metrics["autoquality_requests_in_flight"] == 0
    assert metrics["autoquality_requests_queued"] == 0
    assert metrics["autoquality_pixels_in_flight"] == 0


def test_every_metric_of_the_predictors_is_there_at_zero(
    serve_with: Callable[..., Served],
) -> None:
    metrics = serve_with().metrics
    for fmt in ("jpeg", "webp", "avif"):
        label = f'format="{fmt}"'
        for name in ("batch_size_count", "padding_total", "queue_seconds_count"):
            assert metrics[f"autoquality_predictor_{name}{{{label}}}"] == 0
        for name in ("run_seconds_count", "failures_total", "available"):
            assert metrics[f"autoquality_predictor_{name}{{{label}}}"] == 0
        for why in DropReason:
            key = f'autoquality_predictor_unpredicted_total{{{label},reason="{why.value}"}}'
            assert metrics[key] == 0
        for result in ("loaded", "refused"):
            key = f'autoquality_predictor_reloads_total{{{label},result="{result}"}}'
            assert metrics[key] == 0
        assert metrics[f"autoquality_prediction_error_quality_steps_count{{{label}}}"] == 0


def test_every_reason_of_the_errors_is_there_at_zero(serve_with: Callable[..., Served]) -> None:
    metrics = serve_with().metrics
    for reason in REASONS:
        assert metrics[f'autoquality_rejected_total{{reason="{reason}"}}'] == 0

    def reasons(kind: type[errors.ServiceError]) -> set[str]:
        return {kind.reason}.union(*map(reasons, kind.__subclasses__()))

    assert reasons(errors.ServiceError) - {"UNKNOWN"} <= set(REASONS)


def test_metrics_show_the_limits(serve_with: Callable[..., Served]) -> None:
    metrics = serve_with(workers=3, queue_size=7).metrics
    assert (metrics["autoquality_workers"], metrics["autoquality_queue_size"]) == (3, 7)
    assert metrics["autoquality_memory_limit_bytes"] == available_memory()


def test_metrics_show_the_process_and_the_build(serve_with: Callable[..., Served]) -> None:
    metrics = serve_with().metrics
    assert metrics["process_resident_memory_bytes"] > 0
    assert [value for name, value in metrics.items() if "autoquality_build_info" in name] == [1]
    assert any(name.startswith("python_gc_collections_total") for name in metrics)
    assert any(name.startswith("python_info") for name in metrics)


def test_calls_are_counted_by_the_code_that_the_caller_got(
    serve_with: Callable[..., Served],
) -> None:
    server = serve_with()
    server.stub.Encode(request())
    for how in ("field", "image", "defect", "abort", "overloaded", "memory"):
        with pytest.raises(grpc.RpcError):
            server.stub.Encode(request(how))
    metrics = server.metrics
    assert metrics[handled("OK")] == 1
    assert metrics[handled("INVALID_ARGUMENT")] == 2
    assert metrics[handled("INTERNAL")] == 1
    assert metrics[handled("FAILED_PRECONDITION")] == 1
    assert metrics[handled("RESOURCE_EXHAUSTED")] == 2
    assert metrics[f"grpc_server_started_total{{{GRPC.format('Encode')}}}"] == 7
    assert metrics[f"grpc_server_handling_seconds_count{{{GRPC.format('Encode')}}}"] == 7
    for reason in ("INVALID_FIELD", "IMAGE_TOO_LARGE", "QUEUE_FULL", "OUT_OF_MEMORY"):
        assert metrics[f'autoquality_rejected_total{{reason="{reason}"}}'] == 1


def test_what_runs_and_what_waits_is_seen(serve_with: Callable[..., Served]) -> None:
    server = serve_with(workers=1, queue_size=2)
    server.fill(running=1, queued=2)
    metrics = server.metrics
    assert metrics["autoquality_requests_in_flight"] == 1
    assert metrics["autoquality_requests_queued"] == 2


def test_health_checks_and_watches_are_counted(serve_with: Callable[..., Served]) -> None:
    server = serve_with()
    stub = health_stub(server.channel)
    stub.Check(health_pb2.HealthCheckRequest())
    watch: Any = stub.Watch(health_pb2.HealthCheckRequest())
    next(watch)
    watch.cancel()
    health = 'grpc_service="grpc.health.v1.Health"'
    check = f'{{grpc_code="OK",grpc_method="Check",{health},grpc_type="unary"}}'
    watched = f'{{grpc_code="CANCELLED",grpc_method="Watch",{health},grpc_type="server_stream"}}'
    assert server.metrics[f"grpc_server_handled_total{check}"] == 1
    until(lambda: server.metrics[f"grpc_server_handled_total{watched}"] == 1)


def test_metrics_can_be_served_nowhere(serve_with: Callable[..., Served]) -> None:
    server = serve_with(metrics_listen="")
    assert server.app.metrics_port is None
    assert server.stub.Encode(request()).quality == 80


def test_the_page_has_prometheus_own_type(serve_with: Callable[..., Served]) -> None:
    address = f"http://127.0.0.1:{serve_with().app.metrics_port}/metrics"
    with urllib.request.urlopen(address, timeout=LIMIT) as answer:
        assert answer.headers["Content-Type"].startswith("text/plain; version=")


def test_an_encoding_is_observed_in_every_respect() -> None:
    registry = CollectorRegistry()
    scores = {"dssim": 0.0198, "ssimulacra2": 70.5}
    probe = Probe(75, 1000, scores, 0.01, 0.002)
    Metrics(registry).observe(
        EncodeResult(
            image=b"x" * 900,
            format=Format.AVIF,
            quality=61,
            scores=scores,
            outcome=Outcome.TARGET_MET,
            applied=ResolvedTarget(Method.DSSIM, 0.02, 60, 65, 0.001),
            predicted_quality=None,
            probes=(probe, probe, probe),
            notices=(),
            width=16,
            height=16,
            frames=1,
            timings=Timings(queue=0.0, decode=0.01, encode=0.03, measure=0.006),
        ),
        source_bytes=5000,
    )

    def value(name: str, **labels: str) -> float | None:
        return registry.get_sample_value(name, labels)

    by_result = {"method": "dssim", "format": "avif"}
    assert value("autoquality_iterations_sum", **by_result) == 3
    assert value("autoquality_encoded_bytes_sum", **by_result) == 900
    assert value("autoquality_achieved_dssim_sum", **by_result) == 0.0198
    assert value("autoquality_achieved_ssimulacra2_sum", **by_result) == 70.5
    assert value("autoquality_achieved_ssimulacra2_bucket", le="70.0", **by_result) == 0
    assert value("autoquality_achieved_ssimulacra2_bucket", le="71.0", **by_result) == 1
    assert value("autoquality_quality_sum", **by_result) == 61
    assert value("autoquality_outcomes_total", outcome="target_met", **by_result) == 1
    assert value("autoquality_source_bytes_sum") == 5000
    counts = {
        stage: value("autoquality_stage_duration_seconds_count", stage=stage)
        for stage in ("queue", "decode", "predict", "encode", "measure")
    }
    assert counts == {"queue": 1, "decode": 1, "predict": 0, "encode": 1, "measure": 1}


def test_what_was_not_measured_is_not_observed() -> None:
    registry = CollectorRegistry()
    Metrics(registry).observe(
        EncodeResult(
            image=b"png",
            format=Format.PNG,
            quality=0,
            scores={},
            outcome=Outcome.NO_QUALITY,
            applied=ResolvedTarget(Method.NONE, 0.02, 70, 80, 0.001),
            predicted_quality=None,
            probes=(Probe(0, 3, {}, 0.01, 0.0),),
            notices=(),
            width=1,
            height=1,
            frames=1,
        ),
        source_bytes=3,
    )
    labels = {"method": "none", "format": "png"}
    assert registry.get_sample_value("autoquality_achieved_dssim_count", labels) == 0
    assert registry.get_sample_value("autoquality_quality_count", labels) == 0
    assert registry.get_sample_value("autoquality_encoded_bytes_count", labels) == 1


def test_a_connection_that_cannot_be_accepted_is_accepted_after_a_pause(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It stays in the queue, so the server would try without end while no descriptor is free."""
    pauses: list[float] = []
    accept = socket.socket.accept

    def accept_later(listening: socket.socket) -> Any:
        if len(pauses) < 3:
            raise OSError(errno.EMFILE, "Too many open files")
        return accept(listening)

    clock = SimpleNamespace(sleep=pauses.append)
    monkeypatch.setattr("autoquality_server.telemetry.server.time", clock)
    monkeypatch.setattr(socket.socket, "accept", accept_later)
    server = MetricsServer("127.0.0.1:0", CollectorRegistry())
    assert scrape(server.port) == {}
    assert len(pauses) == 3
    server.close()
