"""Networks of a running server: trusted, replaced, failing."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from PIL import Image

from autoquality import (
    Client,
    Format,
    JpegOptions,
    Method,
    NetworkInfo,
    NoticeCode,
    Outcome,
)
from tests.e2e.predictions import NOT_SERVING, PHOTO, SERVING, health, trusted
from tests.networks import (
    constant_graph,
    peak_at,
    picky_graph,
)
from tests.networks.onnx_models import red_model
from tests.rpc.conftest import scrape
from tests.servers import NO_NETWORKS, RunningServer, running_server
from tests.waiting import LIMIT, until

PREDICTED = 60


def plain(red: int, green: int = 0) -> bytes:
    """A PNG of one colour."""
    file = io.BytesIO()
    Image.new("RGB", (16, 16), (red, green, 0)).save(file, "PNG")
    return file.getvalue()


def network_of(client: Client, fmt: Format) -> NetworkInfo | None:
    return next(one.network for one in client.info().formats if one.format is fmt)


def libraries(server: RunningServer) -> str:
    return Path(f"/proc/{server.process.pid}/maps").read_text()


def test_a_network_is_replaced_under_load_and_no_request_fails(tmp_path: Path) -> None:
    path = constant_graph(tmp_path / "net.pb", peak_at(57))
    settings = {
        **NO_NETWORKS,
        "AUTOQUALITY_JPEG_NET": str(path),
        "AUTOQUALITY_NETWORK_POLL_INTERVAL": "0.05",
        "AUTOQUALITY_WORKERS": "4",
        "AUTOQUALITY_QUEUE_SIZE": "16",
    }
    stop = threading.Event()
    with running_server(tmp_path, settings) as server, Client(server.address) as client:

        def encode() -> list[int | None]:
            found: list[int | None] = []
            while not stop.is_set():
                encoded = trusted(client)
                assert encoded.applied.method is Method.ML and not encoded.notices
                found.append(encoded.quality)
            return found

        with ThreadPoolExecutor(8) as pool:
            loads = [pool.submit(encode) for _ in range(8)]
            try:
                until(lambda: trusted(client).quality == 57)
                before = network_of(client, Format.JPEG)
                constant_graph(tmp_path / "new.pb", peak_at(31)).replace(path)
                until(lambda: trusted(client).quality == 31)
                after = network_of(client, Format.JPEG)
                path.write_bytes(b"\x00garbage")
                refused = 'autoquality_predictor_reloads_total{format="jpeg",result="refused"}'
                until(lambda: scrape(server.metrics_port)[refused] == 1)
                assert trusted(client).quality == 31
            finally:
                stop.set()
            qualities = {quality for one in loads for quality in one.result(LIMIT)}
        assert qualities == {57, 31}
        assert before is not None and after is not None and before.sha256 != after.sha256
        assert network_of(client, Format.JPEG) == after
        found = scrape(server.metrics_port)
    loaded = 'autoquality_predictor_reloads_total{format="jpeg",result="loaded"}'
    assert found[loaded] == 1
    series = [name for name in found if name.startswith("autoquality_predictor_info")]
    assert len(series) == 1 and after.sha256 in series[0]
    lines = [str(line["event"]) for line in server.log_lines()]
    assert sum("the old one stays" in line for line in lines) == 1


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server with a network that may fail for JPEG, and one that does not for WebP."""
    folder = tmp_path_factory.mktemp("two")
    settings = {
        **NO_NETWORKS,
        "AUTOQUALITY_JPEG_NET": str(picky_graph(folder / "picky.pb")),
        "AUTOQUALITY_WEBP_NET": str(constant_graph(folder / "60.pb", peak_at(PREDICTED))),
        "AUTOQUALITY_PREDICTOR_FAILURE_LIMIT": "2",
        "AUTOQUALITY_PREDICTOR_RETRY_INTERVAL": "0.5",
    }
    with running_server(folder, settings) as server:
        yield server


@pytest.fixture(scope="module")
def networks(two: RunningServer) -> Iterator[Client]:
    with Client(two.address) as connected:
        yield connected


def test_a_trusted_prediction_is_the_quality(networks: Client) -> None:
    encoded = trusted(networks, fmt="webp")
    assert (encoded.quality, encoded.predicted_quality) == (PREDICTED, PREDICTED)
    assert (encoded.iterations, encoded.outcome) == (1, Outcome.PREDICTION_TRUSTED)
    assert encoded.dssim is None and encoded.timings.measure == 0
    assert encoded.applied.method is Method.ML


def test_a_trusted_prediction_is_measured_on_request(networks: Client) -> None:
    encoded = networks.encode(
        PHOTO, format="webp", method="ml", allowed_error=1, measure_dssim=True
    )
    assert encoded.dssim is not None and encoded.iterations == 1


def test_a_prediction_out_of_range_is_clamped_and_reported_unchanged(networks: Client) -> None:
    encoded = networks.encode(
        PHOTO, format="webp", method="ml", allowed_error=1, min_quality=70, max_quality=80
    )
    assert (encoded.quality, encoded.predicted_quality) == (70, PREDICTED)


def test_the_search_starts_from_the_prediction_and_meets_the_target(networks: Client) -> None:
    encoded = networks.encode(
        PHOTO,
        format="webp",
        method="ml",
        target=0.012,
        allowed_error=0.001,
        min_quality=10,
        max_quality=95,
    )
    assert encoded.probes[0].quality == PREDICTED
    assert encoded.outcome is Outcome.TARGET_MET
    assert encoded.dssim is not None and abs(encoded.dssim - 0.012) <= 0.001


def test_jpeg_by_ml_always_has_the_best_mozjpeg_settings(networks: Client) -> None:
    best = JpegOptions(
        progressive=True,
        trellis_quant=True,
        overshoot_deringing=True,
        optimize_scans=True,
        quant_table=3,
    )
    flat = JpegOptions(progressive=False, trellis_quant=False, quant_table=0)
    by_ml = networks.encode(
        PHOTO, format="jpeg", method="ml", allowed_error=1, min_quality=1, jpeg=flat
    )
    assert by_ml.quality == by_ml.predicted_quality
    for options, same in ((best, True), (flat, False)):
        other = networks.encode(PHOTO, format="jpeg", quality=by_ml.quality, jpeg=options)
        assert (other.image == by_ml.image) is same


def test_a_format_without_a_network_is_served_by_dssim(networks: Client) -> None:
    encoded = networks.encode(PHOTO, format="avif", method="ml", target=0.02)
    assert encoded.applied.method is Method.DSSIM
    assert encoded.predicted_quality is None
    assert [one.code for one in encoded.notices] == [NoticeCode.NETWORK_UNAVAILABLE]


def test_info_names_the_networks(networks: Client) -> None:
    assert network_of(networks, Format.AVIF) is None
    network = network_of(networks, Format.WEBP)
    assert network is not None and network.name == "60.pb" and len(network.sha256) == 64


def test_the_circuit_of_a_failing_network_opens_and_closes_again(two: RunningServer) -> None:
    part = "autoquality.predictor.jpeg"
    bad, good, server = plain(255), plain(0, 200), two
    with Client(server.address) as client:
        assert health(server.address, part) == SERVING
        for _ in range(2):
            (notice,) = trusted(client, bad, "jpeg").notices
            assert notice.code is NoticeCode.NETWORK_UNAVAILABLE
            assert notice.message == "the network for JPEG failed: served as method dssim"
        assert health(server.address, part) == NOT_SERVING
        assert health(server.address) == health(server.address, "autoquality.v1.EncodingService")
        assert health(server.address) == SERVING
        network = network_of(client, Format.JPEG)
        assert network is not None and network.resting
        found = scrape(server.metrics_port)
        assert found['autoquality_predictor_failures_total{format="jpeg"}'] == 2
        assert found['autoquality_predictor_available{format="jpeg"}'] == 0

        def resting() -> bool:
            encoded = trusted(client, bad, "jpeg")
            assert encoded.applied.method is Method.DSSIM
            return "left alone for a while" in encoded.notices[0].message

        until(resting)
        until(lambda: trusted(client, good, "jpeg").outcome is Outcome.PREDICTION_TRUSTED)
        assert health(server.address, part) == SERVING
        network = network_of(client, Format.JPEG)
        assert network is not None and not network.resting


def test_a_prediction_that_met_its_target_is_judged(two: RunningServer) -> None:
    before = scrape(two.metrics_port)
    with Client(two.address) as client:
        encoded = client.encode(
            PHOTO, format="webp", method="ml", target=0.02, min_quality=1, max_quality=100
        )
        trusted(client, fmt="webp")
    found = scrape(two.metrics_port)

    def more(name: str) -> float:
        return found[f'{name}{{format="webp"}}'] - before[f'{name}{{format="webp"}}']

    assert encoded.outcome is Outcome.TARGET_MET and encoded.quality is not None
    name = "autoquality_prediction_error_quality_steps"
    assert more(f"{name}_count") == 1
    assert more(f"{name}_sum") == abs(encoded.quality - PREDICTED)
    assert more("autoquality_predictor_batch_size_count") == 2
    assert more("autoquality_predictor_queue_seconds_count") == 2


def test_an_onnx_model_serves_and_needs_no_tensorflow(tmp_path: Path) -> None:
    path = red_model(tmp_path / "net.onnx")
    settings = {**NO_NETWORKS, "AUTOQUALITY_AVIF_NET": str(path)}
    with running_server(tmp_path, settings) as server, Client(server.address) as client:
        encoded = trusted(client, plain(51), "avif")
        assert (encoded.quality, encoded.predicted_quality) == (20, 20)
        assert "libtensorflow" not in libraries(server)
