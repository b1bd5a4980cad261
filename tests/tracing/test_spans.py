"""The spans of a request with traces on: its spans."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider

from autoquality import InvalidRequestError
from autoquality.v1 import encoding_pb2 as pb
from autoquality_core.formats import jpeg
from autoquality_core.runtime.deadline import Deadline
from tests.networks.onnx_models import red_model
from tests.photos import crop
from tests.rpc.conftest import encoding_stub
from tests.waiting import GATE_LIMIT, until, wait_for

PHOTO = crop("coffee.png", 96, 64)
ENCODE = "autoquality.v1.EncodingService/Encode"
Serve = Callable[..., Any]
CALLERS = TracerProvider().get_tracer("caller")


def test_a_dssim_request_has_a_span_for_every_stage_and_every_probe(traced: Serve) -> None:
    with traced() as running:
        encoded = running.client.encode(
            PHOTO, format="jpeg", method="dssim", target=0.01, min_quality=10, max_quality=95
        )
    (tree,) = running.trees
    probe = ("probe", ["encode", "measure"])
    probes = [probe] * encoded.iterations
    assert tree.names == ["receive", "validate", "open", "queue", "decode", *probes, "answer"]
    told = [dict(one.attributes) for one in tree.named("probe")]
    assert told == [
        {
            "autoquality.quality": one.quality,
            "autoquality.size_bytes": one.size_bytes,
            "autoquality.dssim": one.dssim,
        }
        for one in encoded.probes
    ]
    assert tree.span.kind is trace.SpanKind.SERVER
    assert tree.span.status.status_code is trace.StatusCode.UNSET
    assert tree.span.name == tree["rpc.method"] == ENCODE
    assert (tree["rpc.system.name"], tree["rpc.response.status_code"]) == ("grpc", "OK")
    assert tree["network.peer.address"] == tree["client.address"] == "127.0.0.1"
    assert tree["network.peer.port"] > 0
    assert (tree["autoquality.quality"], tree["autoquality.dssim"]) == (
        encoded.quality,
        encoded.dssim,
    )


def test_a_caller_at_a_unix_socket_has_no_address(traced: Serve, tmp_path: Path) -> None:
    with traced(listen=f"unix:{tmp_path}/socket") as running:
        running.client.encode(PHOTO)
    (tree,) = running.trees
    assert tree["network.transport"] == "unix"
    assert "client.address" not in tree.span.attributes


def test_an_ml_request_logs_its_prediction_and_its_batch(traced: Serve, tmp_path: Path) -> None:
    network = red_model(tmp_path / "red.onnx")
    with traced(jpeg_net=str(network)) as running:
        encoded = running.client.encode(PHOTO, format="jpeg", method="ml", allowed_error=1)
    (tree,) = running.trees
    assert tree.names[4:] == ["decode", "predict", ("probe", ["encode"]), "answer"]
    (predict,) = tree.named("predict")
    told = dict(predict.attributes)
    assert told.pop("autoquality.queue_seconds") >= 0
    assert told == {
        "autoquality.network": "red.onnx",
        "autoquality.batch_size": 1,
        "autoquality.quality": encoded.predicted_quality,
    }


def test_a_stream_has_the_stages_of_a_message(traced: Serve) -> None:
    with traced() as running, CALLERS.start_as_current_span("upload") as span:
        *_, encoded = running.client.encode_stream(PHOTO, format="webp", method="size", target=2000)
    (tree,) = running.trees
    assert tree.span.name == "autoquality.v1.EncodingService/EncodeStream"
    assert tree.span.parent.span_id == span.get_span_context().span_id
    probes = [("probe", ["encode"])] * encoded.iterations
    assert tree.names == ["validate", "receive", "open", "queue", "decode", *probes, "answer"]
    assert tree["rpc.response.status_code"] == "OK"
    assert len(running.spans) == len(list(tree.all()))


def test_a_comparison_has_its_stages_too(traced: Serve) -> None:
    with traced() as running:
        running.client.compare(PHOTO, PHOTO)
    (tree,) = running.trees
    assert tree.names == ["receive", "open", "queue", "decode", "decode", "measure"]


def test_the_span_is_a_part_of_the_trace_that_the_caller_names(traced: Serve) -> None:
    parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    metadata = (("traceparent", parent), ("tracestate", "one=1"), ("tracestate", "two=2"))
    with traced() as running:
        running.client.encode(PHOTO, metadata=metadata)
    (tree,) = running.trees
    for span in tree.all():
        assert trace.format_trace_id(span.context.trace_id) == parent[3:35]
        assert dict(span.context.trace_state) == {"one": "1", "two": "2"}
    assert trace.format_span_id(tree.span.parent.span_id) == parent[36:52]


def test_the_client_hands_on_the_span_that_it_is_called_in(traced: Serve) -> None:
    with traced() as running:
        with CALLERS.start_as_current_span("upload") as span:
            running.client.encode(PHOTO)
        running.client.encode(PHOTO)
    inside, outside = running.trees
    assert inside.span.context.trace_id == span.get_span_context().trace_id
    assert inside.span.parent.span_id == span.get_span_context().span_id
    assert outside.span.parent is None


def test_a_traceparent_that_is_none_begins_a_trace_of_its_own(traced: Serve) -> None:
    with traced() as running:
        running.client.encode(PHOTO, metadata=(("traceparent", "00-nonsense"),))
    (tree,) = running.trees
    assert tree.span.parent is None


def test_the_span_of_the_failing_stage_records_an_error_of_the_caller(traced: Serve) -> None:
    with traced() as running, pytest.raises(InvalidRequestError) as caught:
        running.client.encode(b"not an image")
    (tree,) = running.trees
    assert tree.names == ["receive", "validate", "open"]
    (found,) = tree.named("open")
    assert found.status.status_code is trace.StatusCode.ERROR
    assert found.attributes["error.type"] == caught.value.reason == tree["autoquality.reason"]
    assert found.status.description == caught.value.message
    # By OpenTelemetry's conventions the server did not fail.
    assert tree.span.status.status_code is trace.StatusCode.UNSET
    assert tree["rpc.response.status_code"] == "INVALID_ARGUMENT"


def test_a_defect_is_recorded_without_its_message(
    traced: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> bytes:
        raise RuntimeError("the pixels were b'0123'")

    monkeypatch.setattr(jpeg.JpegEncoder, "encode", broken)
    with traced() as running, pytest.raises(Exception, match="internal error"):
        running.client.encode(PHOTO, format="jpeg")
    (tree,) = running.trees
    (encode,) = tree.named("encode")
    assert encode.attributes["error.type"] == "RuntimeError"
    for span in (encode, tree.span):
        assert span.status.status_code is trace.StatusCode.ERROR
    assert tree["rpc.response.status_code"] == tree["error.type"] == "INTERNAL"
    assert not any("0123" in span.to_json() for span in tree.all())


def test_a_request_that_was_cancelled_says_so(
    traced: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, cancelled = threading.Event(), threading.Event()
    encode, cancel = jpeg.JpegEncoder.encode, Deadline.cancel

    def slow(*arguments: Any) -> bytes:
        begun.set()
        wait_for(cancelled, within=GATE_LIMIT)
        return encode(*arguments)

    def heard(deadline: Deadline) -> None:
        cancel(deadline)
        cancelled.set()

    monkeypatch.setattr(jpeg.JpegEncoder, "encode", slow)
    monkeypatch.setattr(Deadline, "cancel", heard)
    with traced() as running:
        spec = pb.AutoQuality(method=pb.METHOD_SIZE, target=500, min_quality=1, max_quality=100)
        request = pb.EncodeRequest(image=PHOTO, format=pb.FORMAT_JPEG, auto_quality=spec)
        call = encoding_stub(running.channel).Encode.future(request)
        wait_for(begun)
        call.cancel()
        until(lambda: cancelled.is_set() and not running.app.admission.running)
    (tree,) = running.trees
    assert tree["rpc.response.status_code"] == "CANCELLED"
    assert tree.span.status.status_code is trace.StatusCode.UNSET
    assert tree["autoquality.reason"] == "CANCELLED"


def test_a_request_without_room_ends_in_the_queue(traced: Serve) -> None:
    with (
        traced(workers=1, queue_size=0) as running,
        running.app.admission.admit(Deadline()),
        pytest.raises(grpc.RpcError),
    ):
        encoding_stub(running.channel).Encode(pb.EncodeRequest(image=PHOTO))
    (tree,) = running.trees
    assert tree.names == ["receive", "validate", "open", "queue"]
    (queue,) = tree.named("queue")
    assert queue.attributes["error.type"] == "QUEUE_FULL"


def test_a_request_that_is_not_sampled_leaves_no_span(
    traced: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "always_off")
    with traced() as running:
        running.client.encode(PHOTO)
    assert running.spans == []


def test_requests_at_the_same_time_do_not_mix(traced: Serve) -> None:
    def encode(target: int) -> tuple[int, list[int]]:
        with CALLERS.start_as_current_span("caller") as span:
            encoded = running.client.encode(
                PHOTO, format="webp", method="size", target=target, min_quality=1, max_quality=100
            )
        return span.get_span_context().trace_id, [one.quality for one in encoded.probes]

    with traced(queue_size=16) as running, ThreadPoolExecutor(8) as pool:
        expected = dict(pool.map(encode, range(600, 3800, 200)))
    assert len(expected) == 16
    found = {}
    for tree in running.trees:
        assert {one.context.trace_id for one in tree.all()} == {tree.span.context.trace_id}
        qualities = [one.attributes["autoquality.quality"] for one in tree.named("probe")]
        found[tree.span.context.trace_id] = qualities
    assert found == expected
    assert len(running.spans) == sum(len(list(tree.all())) for tree in running.trees)


def test_health_checks_leave_no_spans(traced: Serve) -> None:
    with traced() as running:
        assert running.client.health(timeout=10)
    assert running.spans == []
