"""Networks of a running server: replaced, failing, bundled, on a device."""

from __future__ import annotations

import io
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from PIL import Image
from structlog.testing import capture_logs

from autoquality import (
    Client,
    Encoded,
    Format,
    JpegOptions,
    Method,
    NetworkInfo,
    NoticeCode,
    Outcome,
)
from autoquality_core.networks.bundled import BUNDLED
from autoquality_server.config import Settings
from autoquality_server.process.app import App
from autoquality_server.rpc.servicer import EncodingServicer
from tests.networks import (
    constant_graph,
    curve_graph,
    peak_at,
    picky_graph,
    side_content,
    write_side_file,
)
from tests.networks.onnx_models import red_model
from tests.photos import crop
from tests.rpc.conftest import scrape
from tests.servers import NO_NETWORKS, RunningServer, clean_environment, running_server
from tests.waiting import LIMIT, until

PHOTO = crop("coffee.png", 160, 160)
PREDICTED = 60
SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


def plain(red: int, green: int = 0) -> bytes:
    """A PNG of one colour."""
    file = io.BytesIO()
    Image.new("RGB", (16, 16), (red, green, 0)).save(file, "PNG")
    return file.getvalue()


def trusted(client: Client, image: bytes = PHOTO, fmt: str = "jpeg") -> Encoded:
    return client.encode(
        image, format=fmt, method="ml", allowed_error=1, min_quality=1, max_quality=100
    )


def health(address: str, part: str = "") -> int:
    with grpc.insecure_channel(address) as channel:
        stub: Any = health_pb2_grpc.HealthStub(channel)
        answer = stub.Check(health_pb2.HealthCheckRequest(service=part))
    return int(answer.status)


def network_of(client: Client, fmt: Format) -> NetworkInfo | None:
    return next(one.network for one in client.info().formats if one.format is fmt)


def start(environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Start a server with a configuration that it should refuse."""
    return subprocess.run(
        [sys.executable, "-m", "autoquality_server"],
        env={
            **clean_environment(),
            **NO_NETWORKS,
            "AUTOQUALITY_LISTEN": "127.0.0.1:0",
            "AUTOQUALITY_METRICS_LISTEN": "off",
            **environment,
        },
        capture_output=True,
        text=True,
        timeout=120,
    )


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
            assert notice.message == "the network for JPEG failed: served as METHOD_DSSIM"
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


def test_what_cannot_be_used_stops_the_start_with_one_line(tmp_path: Path) -> None:
    graph = curve_graph(tmp_path / "net.pb")
    side = write_side_file(graph, side_content(input={"recipe": "tiles"}))
    onnx = tmp_path / "broken.onnx"
    onnx.write_bytes(b"\x08\x08garbage")
    for environment, why in (
        ({"AUTOQUALITY_JPEG_NET": str(graph)}, f"{side}: input.recipe must be mosaic or squeeze"),
        ({"AUTOQUALITY_JPEG_NET": str(onnx)}, f"{onnx}: not an ONNX model"),
    ):
        done = start(environment)
        assert done.returncode == 2
        lines = [line for line in done.stderr.splitlines() if line]
        assert len(lines) == 1, done.stderr
        assert f"AUTOQUALITY_JPEG_NET: {why}" in lines[0]


@contextmanager
def server_with_bundled(folder: Path, **changes: object) -> Iterator[App]:
    """A server in this process with the bundled networks of `folder`."""
    local = {"listen": "127.0.0.1:0", "metrics_listen": "127.0.0.1:0", "workers": 2}
    app = App(Settings(**{**local, **changes}), partial(EncodingServicer, bundled_folder=folder))
    app.start()
    try:
        yield app
    finally:
        app.drain()


def test_unset_means_the_bundled_network_and_none_means_none(tmp_path: Path) -> None:
    for name in ("jpeg", "webp"):
        path = constant_graph(tmp_path / f"autoquality-{name}.pb", peak_at(42))
        names = {"image": "images:0", "logits": "logits:0"}
        write_side_file(path, side_content(format=name, tensors=names))
    with server_with_bundled(tmp_path, webp_net="none") as app:
        address = f"127.0.0.1:{app.port}"
        with Client(address) as client:
            assert trusted(client).quality == 42
            networks = {one.format: one.network for one in client.info().formats}
        assert health(address, "autoquality.predictor.jpeg") == SERVING
        assert health(address, "autoquality.predictor.webp") == NOT_SERVING
        assert health(address, "autoquality.predictor.avif") == NOT_SERVING
    network = networks[Format.JPEG]
    assert network is not None and (network.name, network.version) == ("autoquality-jpeg.pb", "1.2")
    assert networks[Format.WEBP] is networks[Format.AVIF] is None


def test_a_path_wins_over_the_bundled_network(tmp_path: Path) -> None:
    constant_graph(tmp_path / "autoquality-jpeg.pb", peak_at(42))
    given = constant_graph(tmp_path / "given.pb", peak_at(77))
    with (
        server_with_bundled(tmp_path, jpeg_net=str(given)) as app,
        Client(f"127.0.0.1:{app.port}") as client,
    ):
        assert trusted(client).quality == 77


def test_a_bundled_network_may_be_missing(tmp_path: Path) -> None:
    with server_with_bundled(tmp_path) as app, Client(f"127.0.0.1:{app.port}") as client:
        assert [one.code for one in trusted(client).notices] == [NoticeCode.NETWORK_UNAVAILABLE]


def test_a_broken_bundled_network_is_logged_and_not_used(tmp_path: Path) -> None:
    (tmp_path / "autoquality-jpeg.pb").write_bytes(b"\x00garbage")
    with (
        capture_logs() as lines,
        server_with_bundled(tmp_path) as app,
        Client(f"127.0.0.1:{app.port}") as client,
    ):
        assert [one.code for one in trusted(client).notices] == [NoticeCode.NETWORK_UNAVAILABLE]
    assert "a bundled network cannot be used" in [line["event"] for line in lines]


WITHOUT_TENSORFLOW = """
import sys
from functools import partial
from pathlib import Path
sys.modules['tensorflow'] = None
from autoquality import Client
from autoquality_server.process.app import App
from autoquality_server.config import Settings
from autoquality_server.config.groups.serving import LogFormat, LogLevel
from autoquality_server.rpc.servicer import EncodingServicer
from autoquality_server.telemetry.logs import configure_logging
configure_logging(LogLevel.WARNING, LogFormat.JSON)
settings = Settings(listen='127.0.0.1:0', metrics_listen='')
app = App(settings, partial(EncodingServicer, bundled_folder=Path(sys.argv[1])))
app.start()
with Client(f'127.0.0.1:{app.port}') as client:
    print([one.format.value for one in client.info().formats if one.network])
app.drain()
"""


def test_without_tensorflow_bundled_networks_serve_and_others_are_logged(tmp_path: Path) -> None:
    for name in ("autoquality-webp.pb", "autoquality-webp.json"):
        shutil.copy(BUNDLED / name, tmp_path)
    constant_graph(tmp_path / "autoquality-jpeg.pb", peak_at(42))
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_TENSORFLOW, str(tmp_path)],
        capture_output=True,
        text=True,
        env=clean_environment(),
    )
    assert done.returncode == 0, done.stderr
    (line,) = done.stderr.splitlines()
    assert "autoquality-jpeg.pb: TensorFlow cannot be imported" in line
    assert done.stdout == "['webp']\n"


ON_A_GPU = """
import os, sys
from functools import partial
from pathlib import Path
os.environ['CUDA_VISIBLE_DEVICES'] = ''
from autoquality_server.process.app import App
from autoquality_server.config import ConfigError, Settings
from autoquality_core.metrics import DSSIM
from autoquality_core.types import Device
from autoquality_server.rpc.servicer import EncodingServicer
for given in ({}, {'jpeg_net': sys.argv[2]}):
    settings = Settings(predictor_device=Device.GPU, **given)
    try:
        App(settings, partial(EncodingServicer, bundled_folder=Path(sys.argv[1])))
    except ConfigError as error:
        print(error)
"""


def test_a_missing_gpu_stops_the_start_with_bundled_and_other_networks(tmp_path: Path) -> None:
    constant_graph(tmp_path / "autoquality-jpeg.pb", peak_at(42))
    fine = constant_graph(tmp_path / "fine.pb", peak_at(50))
    done = subprocess.run(
        [sys.executable, "-c", ON_A_GPU, str(tmp_path), str(fine)], capture_output=True, text=True
    )
    bundled, given = done.stdout.splitlines()
    assert bundled.startswith("AUTOQUALITY_PREDICTOR_DEVICE: "), done.stderr
    assert "TensorFlow sees none here" in bundled
    assert given == (
        f"AUTOQUALITY_JPEG_NET: {fine}: it is to run on a GPU, but TensorFlow sees none here"
    )
