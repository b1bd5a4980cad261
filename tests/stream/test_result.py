"""The results of EncodeStream, compared with those of Encode."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from autoquality.v1 import encoding_pb2 as pb
from tests.photos import animation, crop, photo, with_alpha
from tests.stream.serving import Serving, answer_of, noise, parts, shape_of, stage, start

PHOTO = crop("chelsea.png", 200, 150)

REQUESTS: dict[str, tuple[bytes, dict[str, Any]]] = {
    "jpeg by dssim": (
        PHOTO,
        {"format": pb.FORMAT_JPEG, "auto_quality": {"method": "METHOD_DSSIM"}},
    ),
    "webp by ssimulacra2, dssim too": (
        PHOTO,
        {
            "format": pb.FORMAT_WEBP,
            "auto_quality": {"method": "METHOD_SSIMULACRA2"},
            "measure": [pb.METRIC_DSSIM],
        },
    ),
    "webp by size": (
        PHOTO,
        {"format": pb.FORMAT_WEBP, "auto_quality": {"method": "METHOD_SIZE", "target": 4000}},
    ),
    "avif without a search": (PHOTO, {"format": pb.FORMAT_AVIF, "quality": 50}),
    "png": (PHOTO, {"format": pb.FORMAT_PNG}),
    "ml without a network": (
        PHOTO,
        {"format": pb.FORMAT_JPEG, "auto_quality": {"method": "METHOD_ML", "target": 0.01}},
    ),
    "alpha flattened": (with_alpha(), {"format": pb.FORMAT_JPEG, "background": "#ff0000"}),
    "animation": (animation(3), {"format": pb.FORMAT_WEBP}),
    "format kept, metadata too": (photo("rocket.jpg"), {"keep_metadata": True}),
    "truncated": (photo("rocket.jpg")[:60_000], {"allow_truncated": True}),
}


def request_of(fields: dict[str, Any]) -> pb.EncodeRequest:
    spec = {**fields.get("auto_quality", {})}
    if spec:
        spec["method"] = pb.Method.Value(spec["method"])
        fields = {**fields, "auto_quality": pb.AutoQuality(**spec)}
    return pb.EncodeRequest(**fields)


def without_times(answer: pb.EncodeResponse) -> pb.EncodeResponse:
    """Return the answer without its timings."""
    bare = pb.EncodeResponse()
    bare.CopyFrom(answer)
    bare.ClearField("timings")
    for probe in bare.probes:
        probe.ClearField("encode_time")
        probe.ClearField("measure_time")
    return bare


@pytest.mark.parametrize("name", REQUESTS)
def test_the_answer_equals_that_of_encode_byte_for_byte(usual: Serving, name: str) -> None:
    source, fields = REQUESTS[name]
    request = request_of(fields)
    streamed = answer_of(usual.stream(parts(request, source, size=5000)))
    request.image = source
    assert without_times(streamed) == without_times(usual.stub.Encode(request))
    assert streamed.timings.total.ToNanoseconds() > streamed.timings.decode.ToNanoseconds() > 0


def test_raw_pixels_can_be_streamed_in_chunks_of_any_size(usual: Serving) -> None:
    raw = noise(64, 48)
    request = pb.EncodeRequest(format=pb.FORMAT_WEBP, raw=shape_of(raw))
    messages = [parts(request, raw.pixels, size=size) for size in (1000, 64 * 48 * 3)]
    whole = usual.stub.Encode(pb.EncodeRequest(format=pb.FORMAT_WEBP, raw=raw))
    for one in messages:
        assert without_times(answer_of(usual.stream(one))) == without_times(whole)


def test_the_size_of_the_source_need_not_be_declared(usual: Serving) -> None:
    request = pb.EncodeRequest(format=pb.FORMAT_WEBP)
    raw = noise(16, 16)
    of_file = [start(request), *parts(request, PHOTO)[1:]]
    request_of_pixels = pb.EncodeRequest(format=pb.FORMAT_WEBP, raw=shape_of(raw))
    of_pixels = [start(request_of_pixels), *parts(request_of_pixels, raw.pixels)[1:]]
    assert answer_of(usual.stream(of_file)).width == 200
    assert answer_of(usual.stream(of_pixels)).width == 16


@pytest.mark.parametrize(
    ("method", "target", "score"),
    [(pb.METHOD_DSSIM, 0.01, "dssim"), (pb.METHOD_SSIMULACRA2, 71.3, "ssimulacra2")],
)
def test_the_progress_has_every_probe_of_the_answer_in_order(
    usual: Serving, method: pb.Method.ValueType, target: float, score: str
) -> None:
    spec = pb.AutoQuality(method=method, target=target, min_quality=1, max_quality=100)
    spec.allowed_error = 0
    request = pb.EncodeRequest(format=pb.FORMAT_JPEG, auto_quality=spec)
    messages = list(usual.stream(parts(request, PHOTO)))
    probes = [message.progress.probe for message in messages if stage(message) == "PROBED"]
    assert len(probes) > 1
    assert all(probe.HasField(score) for probe in probes)
    assert probes == list(answer_of(messages).probes)
    stages = [
        "ACCEPTED",
        "RECEIVED",
        "QUEUED",
        "STARTED",
        *["PROBED"] * len(probes),
        "result",
        "chunk",
    ]
    assert [stage(message) for message in messages] == stages


def test_a_large_result_arrives_in_chunks_that_any_client_accepts(usual: Serving) -> None:
    raw = noise(1000, 1000)
    request = pb.EncodeRequest(format=pb.FORMAT_PNG, raw=shape_of(raw))
    messages = list(usual.stream(parts(request, raw.pixels, size=2**20)))
    sizes = [message.ByteSize() for message in messages]
    assert sum(sizes) > 2_900_000 and max(sizes) < 2**20 + 100
    assert answer_of(messages).size_bytes == len(answer_of(messages).image)


def test_parallel_streams_do_not_mix(usual: Serving) -> None:
    sources = [crop("coffee.png", 100 + 8 * index, 80) for index in range(6)]
    request = pb.EncodeRequest(format=pb.FORMAT_WEBP)

    def width(source: bytes) -> int:
        return answer_of(usual.stream(parts(request, source, size=1000))).width

    with ThreadPoolExecutor(len(sources)) as pool:
        assert list(pool.map(width, sources)) == [100 + 8 * index for index in range(6)]


def test_a_stream_counts_in_the_metrics_as_an_encode_does(usual: Serving) -> None:
    name = 'autoquality_outcomes_total{format="webp",method="none",outcome="fixed_quality"}'
    request = pb.EncodeRequest(format=pb.FORMAT_WEBP)
    before = usual.metrics
    answer_of(usual.stream(parts(request, PHOTO)))
    after = usual.metrics
    assert after[name] - before[name] == 1
    bytes_in = "autoquality_source_bytes_sum"
    assert after[bytes_in] - before[bytes_in] == len(PHOTO)


def test_the_server_info_has_the_limits_of_streams(usual: Serving) -> None:
    limits = usual.stub.GetServerInfo(pb.GetServerInfoRequest()).limits
    assert limits.max_stream_bytes == 256 * 2**20
    assert limits.max_chunk_bytes == 4 * 2**20
