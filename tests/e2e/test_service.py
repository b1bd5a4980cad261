"""The service as its callers meet it: a real server, a real socket, the real client."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from autoquality import (
    AutoQuality,
    Client,
    DeadlineExceededError,
    Encoded,
    Format,
    InvalidImageError,
    InvalidRequestError,
    Method,
    Metric,
    NoticeCode,
    Outcome,
    OverloadedError,
    RawImage,
)
from tests.photos import animation, crop, photo, with_alpha
from tests.rpc.conftest import scrape
from tests.servers import NO_NETWORKS, RunningServer, running_server
from tests.waiting import LIMIT, in_background, until

PHOTO = crop("chelsea.png", 200, 150)


LOSSY = (Format.JPEG, Format.WEBP, Format.AVIF, Format.JXL)
METHODS = [one for one in Method if one is not Method.UNKNOWN]


@pytest.mark.parametrize(
    ("method", "fmt"),
    [(method, fmt) for at, method in enumerate(METHODS) for fmt in LOSSY[at % 2 :: 2]],
)
def test_every_method_in_two_formats(client: Client, method: Method, fmt: Format) -> None:
    """By turns, so that all formats are there too."""
    encoded = client.encode(
        PHOTO,
        format=fmt,
        method=method,
        target={Method.SIZE: 9000, Method.SSIMULACRA2: "high"}.get(method, 0.02),
        min_quality=10,
        max_quality=95,
        measure=("dssim", "ssimulacra2"),
    )
    assert encoded.format is fmt
    assert encoded.size_bytes == len(encoded.image)
    assert encoded.iterations == len(encoded.probes) >= 1
    assert encoded.applied.min_quality == 10 and encoded.applied.max_quality == 95
    compared = client.compare(PHOTO, encoded.image)
    assert encoded.dssim == pytest.approx(compared.dssim, abs=1e-4)
    assert encoded.ssimulacra2 == pytest.approx(compared.ssimulacra2, abs=0.005)
    if method is Method.SSIMULACRA2:
        assert encoded.outcome is Outcome.TARGET_MET
        assert encoded.ssimulacra2 == pytest.approx(70, abs=1)
        assert encoded.applied.metric is Metric.SSIMULACRA2
    if method is Method.SIZE:
        assert encoded.outcome is Outcome.TARGET_MET and encoded.size_bytes <= 9000
    if method is Method.ML:
        assert encoded.applied.method is Method.DSSIM
        assert [one.code for one in encoded.notices] == [NoticeCode.NETWORK_UNAVAILABLE]


def test_limits_hold_together_with_the_target(server: RunningServer, client: Client) -> None:
    """At most so many bytes, never worse than medium, high if it fits."""

    def encode(max_bytes: int) -> Encoded:
        return client.encode(
            PHOTO, format="webp", target="high", max_bytes=max_bytes, min_ssimulacra2="medium"
        )

    free = client.encode(PHOTO, format="webp", target="high")
    same = encode(100_000)
    assert (same.image, same.outcome) == (free.image, Outcome.TARGET_MET)
    assert (same.applied.max_bytes, same.applied.min_ssimulacra2) == (100_000, 50)
    smaller = encode(free.size_bytes - 300)
    assert smaller.outcome is Outcome.MAX_BYTES_REACHED
    assert smaller.size_bytes <= free.size_bytes - 300
    assert smaller.ssimulacra2 is not None and 50 <= smaller.ssimulacra2 < 69
    conflict = encode(500)
    assert (conflict.quality, conflict.outcome) == (10, Outcome.LIMITS_CONFLICT)
    (notice,) = conflict.notices
    assert notice.code is NoticeCode.LIMIT_EXCEEDED
    assert f"the file has {conflict.size_bytes} bytes, max_bytes is 500" in notice.message
    labels = 'format="webp",method="ssimulacra2",outcome="limits_conflict"'
    assert scrape(server.metrics_port)[f"autoquality_outcomes_total{{{labels}}}"] >= 1
    with pytest.raises(InvalidRequestError, match="max_bytes: must be 1 or more"):
        encode(0)


def test_raw_pixels_alpha_and_animation(client: Client) -> None:
    raw = RawImage(width=32, height=24, bands=1, pixels=bytes(range(256)) * 3)
    assert client.encode(raw, format="jpeg").width == 32
    assert client.encode(with_alpha(), format="webp", method="dssim", target=0.01).dssim is not None
    assert client.encode(animation(3), format="webp").frames == 3


def test_the_timings_account_for_the_request(client: Client) -> None:
    timings = client.encode(PHOTO, format="webp", method="dssim", target=0.02).timings
    stages = timings.queue + timings.decode + timings.predict + timings.encode + timings.measure
    assert 0 < timings.decode < timings.total
    assert stages <= timings.total


class TestErrors:
    def test_a_bad_image_is_named(self, client: Client) -> None:
        with pytest.raises(InvalidImageError) as caught:
            client.encode(b"certainly not an image", format="webp")
        assert "jpeg" in str(caught.value)

    def test_nothing_internal_is_shown(self, client: Client) -> None:
        truncated = photo("rocket.jpg")[:3000]
        for broken in (truncated, b"\x89PNG\r\n\x1a\n" + b"\x00" * 64, b"<svg/>"):
            with pytest.raises(InvalidImageError) as caught:
                client.encode(broken, format="webp")
            told = str(caught.value).lower()
            assert not any(word in told for word in ("vips", "python", "traceback", "/", "0x"))

    def test_a_header_over_the_limit_is_refused(self, client: Client) -> None:
        with pytest.raises(InvalidRequestError) as caught:
            client.encode(RawImage(width=10000, height=10000, bands=1, pixels=b"x"), format="jpeg")
        assert caught.value.field_violations[0].field.startswith("raw")

    def test_a_deadline_that_cannot_be_met_is_exceeded(self, client: Client) -> None:
        with pytest.raises(DeadlineExceededError):
            client.encode(PHOTO, format="avif", timeout=0.001)


def test_a_near_deadline_yields_the_best_so_far(client: Client) -> None:
    """Between too short for one encoding and long enough for the search, an image comes back.

    The test tries deadlines from short to long, each a quarter longer, so that it does not depend
    on the machine's speed. The search takes several times as long as its first encoding.
    """
    outcomes: list[Outcome | None] = []
    seconds = 0.02
    while not outcomes or outcomes[-1] in (None, Outcome.DEADLINE_REACHED):
        try:
            encoded = client.encode(
                photo("retina.jpg"),
                format="avif",
                method="dssim",
                target=0.0123,
                allowed_error=0,
                min_quality=1,
                max_quality=100,
                timeout=seconds,
            )
        except DeadlineExceededError:
            outcomes.append(None)
        else:
            outcomes.append(encoded.outcome)
            assert encoded.image and encoded.iterations >= 1
        seconds *= 1.25
    assert Outcome.DEADLINE_REACHED in outcomes
    assert outcomes[-1] is Outcome.NEAREST_QUALITY


def test_metrics_count_what_was_done(server: RunningServer, client: Client) -> None:
    labels = 'format="avif",method="dssim"'
    before = scrape(server.metrics_port)
    encoded = client.encode(
        PHOTO, format="avif", method="dssim", target=0.02, min_quality=10, max_quality=95
    )
    after = scrape(server.metrics_port)

    def grown(name: str) -> float:
        return after[name] - before[name]

    assert grown(f"autoquality_iterations_sum{{{labels}}}") == encoded.iterations
    assert grown(f"autoquality_encoded_bytes_sum{{{labels}}}") == encoded.size_bytes
    assert grown(f"autoquality_quality_sum{{{labels}}}") == encoded.quality
    assert grown(f"autoquality_achieved_dssim_count{{{labels}}}") == 1


def test_every_metric_is_there_at_zero_from_the_start(tmp_path: Path) -> None:
    with running_server(tmp_path, NO_NETWORKS) as fresh:
        samples = scrape(fresh.metrics_port)
    for fmt in ("jpeg", "webp", "avif"):
        for method in ("none", "size", "dssim", "ml", "ssimulacra2"):
            scores = ("achieved_dssim", "achieved_ssimulacra2")
            for name in ("iterations", *scores, "encoded_bytes", "quality"):
                key = f'autoquality_{name}_count{{format="{fmt}",method="{method}"}}'
                assert samples[key] == 0, key
    for stage in ("queue", "decode", "predict", "encode", "measure"):
        assert samples[f'autoquality_stage_duration_seconds_count{{stage="{stage}"}}'] == 0
    assert any(name.startswith("autoquality_outcomes_total{") for name in samples)
    assert any(name.startswith("grpc_server_handled_total{") for name in samples)
    assert samples["autoquality_requests_in_flight"] == 0


def test_the_log_has_one_line_a_request_with_its_id(server: RunningServer, client: Client) -> None:
    encoded = client.encode(
        PHOTO, format="webp", quality=60, measure=["ssimulacra2"], request_id="find-me-in-the-log"
    )
    lines = [one for one in server.log_lines() if one.get("request_id") == "find-me-in-the-log"]
    assert len(lines) == 1
    assert (lines[0]["format"], lines[0]["outcome"]) == ("webp", "fixed_quality")
    assert (lines[0]["dssim"], lines[0]["ssimulacra2"]) == (None, encoded.ssimulacra2)


def test_the_log_lists_variables_without_effect_at_the_start(server: RunningServer) -> None:
    (line,) = [one for one in server.log_lines() if one["event"] == "variables without effect"]
    assert line["variables"] == ["IMGPROXY_KEY"]


def test_more_than_the_queue_holds_is_refused_at_once_and_health_still_answers(
    tmp_path: Path,
) -> None:
    settings = {**NO_NETWORKS, "AUTOQUALITY_WORKERS": "1", "AUTOQUALITY_QUEUE_SIZE": "1"}
    big = photo("retina.jpg")
    with (
        running_server(tmp_path, settings) as server,
        Client(server.address, retries=0) as client,
        ThreadPoolExecutor(6) as callers,
    ):

        def call(_: int) -> object:
            try:
                return client.encode(big, format="avif", avif=None, method="dssim", target=0.01)
            except OverloadedError as error:
                return error

        calls = [callers.submit(call, number) for number in range(6)]
        until(lambda: not client.health() or any(one.done() for one in calls))
        assert client.health()
        answers = [one.result(LIMIT) for one in calls]
    refused = [one for one in answers if isinstance(one, OverloadedError)]
    assert len(refused) == 4
    assert all(one.retry_after and one.retry_after > 0 for one in refused)


def test_sigterm_finishes_what_runs_and_exits_with_zero(tmp_path: Path) -> None:
    with (
        running_server(tmp_path, NO_NETWORKS) as server,
        Client(server.address, retries=0) as client,
    ):
        call = in_background(
            client.encode, photo("retina.jpg"), format="avif", method="dssim", target=0.01
        )
        until(lambda: scrape(server.metrics_port)["autoquality_requests_in_flight"] or call.done())
        assert not call.done(), "the request ended before it was seen to run"
        server.process.terminate()
        assert call.result(2 * LIMIT).image, "the request that ran was lost"
        assert server.process.wait(2 * LIMIT) == 0


def test_with_every_network_off_tensorflow_is_never_loaded(
    server: RunningServer, client: Client
) -> None:
    client.encode(PHOTO, format="webp", method="ml", target=0.02)
    maps = Path(f"/proc/{server.process.pid}/maps").read_text()
    assert "vips" in maps
    assert "tensorflow" not in maps and "onnxruntime" not in maps
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    resident = next(line for line in status.splitlines() if line.startswith("VmRSS"))
    assert int(resident.split()[1]) < 500 * 1024, resident


def test_the_start_imports_neither_rich_nor_scipy_although_its_libraries_would(
    tmp_path: Path,
) -> None:
    parts = ("rich.text", "scipy._lib")
    profile = {"PYTHONPROFILEIMPORTTIME": "1"}
    program = [sys.executable, "-c", "import structlog, numba"]
    libraries = subprocess.run(program, env={**os.environ, **profile}, capture_output=True)
    assert all(one in libraries.stderr.decode() for one in parts)
    with running_server(tmp_path, {**NO_NETWORKS, **profile}) as server:
        imported = server.log.read_text()
    assert "structlog" in imported and "numba" in imported
    assert not any(one in imported for one in parts)


def test_an_imgproxy_configuration_file_works_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "imgproxy.env"
    file.write_text(
        'IMGPROXY_AUTOQUALITY_METHOD="dssim"\n'
        "# Change value to the desired DSSIM\n"
        "IMGPROXY_AUTOQUALITY_TARGET=0.01\n"
        "IMGPROXY_AUTOQUALITY_ALLOWED_ERROR=0.002\n"
        "IMGPROXY_AUTOQUALITY_MIN=40\n"
        "IMGPROXY_AUTOQUALITY_MAX=90\n"
        'IMGPROXY_AUTOQUALITY_FORMAT_MIN="avif=50"\n'
        'IMGPROXY_AUTOQUALITY_FORMAT_MAX="avif=65,jxl=70"\n'
        "IMGPROXY_BIND=:8080\n"
    )
    with (
        running_server(tmp_path, {**NO_NETWORKS, "AUTOQUALITY_ENV_FILE": str(file)}) as server,
        Client(server.address) as client,
    ):
        applied = client.encode(PHOTO, format="avif").applied
        assert (applied.method, applied.target, applied.allowed_error) == (
            Method.DSSIM,
            0.01,
            0.002,
        )
        assert (applied.min_quality, applied.max_quality) == (50, 65)
        assert client.encode(PHOTO, format="webp").applied.max_quality == 90
        score = client.encode(PHOTO, format="webp", method="ssimulacra2").applied
        assert score == AutoQuality(Method.SSIMULACRA2, 70, 40, 90, 1, Metric.SSIMULACRA2)


def test_ssimulacra2_can_be_the_servers_method(tmp_path: Path) -> None:
    settings = {"AUTOQUALITY_METHOD": "ssimulacra2", "AUTOQUALITY_TARGET": "very_high"}
    ours = AutoQuality(Method.SSIMULACRA2, 80, 10, 95, 1, Metric.SSIMULACRA2)
    with (
        running_server(tmp_path, {**NO_NETWORKS, **settings}) as server,
        Client(server.address) as client,
    ):
        info = client.info()
        assert info.defaults == ours
        ranges = {(one.min_quality, one.max_quality) for one in info.formats if one.has_quality}
        assert ranges == {(10, 95)}
        encoded = client.encode(PHOTO, format="webp")
        assert encoded.applied == ours
        assert encoded.ssimulacra2 is not None and abs(encoded.ssimulacra2 - 80) <= 1
        by_dssim = client.encode(PHOTO, format="avif", method="dssim").applied
        assert by_dssim == AutoQuality(Method.DSSIM, 0.02, 60, 65, 0.001, Metric.DSSIM)
