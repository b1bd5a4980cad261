"""Which networks a server loads: from settings, bundled or none; and what stops its start."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from structlog.testing import capture_logs

from autoquality import Client, Format, NoticeCode
from autoquality_core.networks.bundled import BUNDLED
from autoquality_server.config import Settings
from autoquality_server.process.app import App
from autoquality_server.rpc.servicer import EncodingServicer
from tests.e2e.predictions import NOT_SERVING, SERVING, health, trusted
from tests.networks import (
    constant_graph,
    curve_graph,
    peak_at,
    side_content,
    write_side_file,
)
from tests.servers import NO_NETWORKS, clean_environment


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
        starting, refusal = done.stderr.splitlines()
        assert '"event": "starting"' in starting
        assert f"AUTOQUALITY_JPEG_NET: {why}" in refusal


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
