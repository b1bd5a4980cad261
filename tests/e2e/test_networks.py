"""A configured network is used, and one that does not fit stops the start."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from autoquality import Client, Format, JpegOptions, Method, NoticeCode, Outcome
from tests.networks import constant_graph, peak_at
from tests.photos import crop
from tests.servers import NO_NETWORKS, RunningServer, clean_environment, running_server

PHOTO = crop("coffee.png", 160, 160)
PREDICTED = 57


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    folder = tmp_path_factory.mktemp("networks")
    network = constant_graph(folder / "57.pb", peak_at(PREDICTED))
    settings = {
        "AUTOQUALITY_JPEG_NET": str(network),
        "AUTOQUALITY_WEBP_NET": str(network),
        "AUTOQUALITY_AVIF_NET": "none",
    }
    with running_server(folder, settings) as running:
        yield running


@pytest.fixture(scope="module")
def client(server: RunningServer) -> Iterator[Client]:
    with Client(server.address) as connected:
        yield connected


@pytest.mark.parametrize("fmt", [Format.JPEG, Format.WEBP])
def test_a_trusted_prediction_is_the_quality(client: Client, fmt: Format) -> None:
    encoded = client.encode(
        PHOTO, format=fmt, method="ml", allowed_error=1, min_quality=1, max_quality=100
    )
    assert (encoded.quality, encoded.predicted_quality) == (PREDICTED, PREDICTED)
    assert (encoded.iterations, encoded.outcome) == (1, Outcome.PREDICTION_TRUSTED)
    assert encoded.dssim is None and encoded.timings.measure == 0
    assert encoded.applied.method is Method.ML


def test_a_trusted_prediction_is_measured_on_request(client: Client) -> None:
    encoded = client.encode(PHOTO, format="webp", method="ml", allowed_error=1, measure_dssim=True)
    assert encoded.dssim is not None and encoded.iterations == 1


def test_a_prediction_out_of_range_is_clamped_and_reported_unchanged(client: Client) -> None:
    encoded = client.encode(
        PHOTO, format="webp", method="ml", allowed_error=1, min_quality=70, max_quality=80
    )
    assert (encoded.quality, encoded.predicted_quality) == (70, PREDICTED)


def test_the_search_starts_from_the_prediction_and_meets_the_target(client: Client) -> None:
    encoded = client.encode(
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


def test_jpeg_by_ml_always_has_the_best_mozjpeg_settings(client: Client) -> None:
    best = JpegOptions(
        progressive=True,
        trellis_quant=True,
        overshoot_deringing=True,
        optimize_scans=True,
        quant_table=3,
    )
    plain = JpegOptions(progressive=False, trellis_quant=False, quant_table=0)
    by_ml = client.encode(
        PHOTO, format="jpeg", method="ml", allowed_error=1, min_quality=1, jpeg=plain
    )
    assert by_ml.image == client.encode(PHOTO, format="jpeg", quality=PREDICTED, jpeg=best).image
    assert by_ml.image != client.encode(PHOTO, format="jpeg", quality=PREDICTED, jpeg=plain).image


def test_a_format_without_a_network_is_served_by_dssim(client: Client) -> None:
    encoded = client.encode(PHOTO, format="avif", method="ml", target=0.02)
    assert encoded.applied.method is Method.DSSIM
    assert encoded.predicted_quality is None
    assert [one.code for one in encoded.notices] == [NoticeCode.NETWORK_UNAVAILABLE]


def test_info_names_the_networks(client: Client) -> None:
    networks = {one.format: one.network for one in client.info().formats}
    assert networks[Format.AVIF] is None
    network = networks[Format.WEBP]
    assert network is not None and network.name == "57.pb" and len(network.sha256) == 64


def test_a_file_that_is_no_network_stops_the_start_with_one_line(tmp_path: Path) -> None:
    for name, content in (("garbage.pb", b"\x00garbage"), ("missing.pb", None)):
        path = tmp_path / name
        if content is not None:
            path.write_bytes(content)
        done = subprocess.run(
            [sys.executable, "-m", "autoquality_server"],
            env={
                **clean_environment(),
                **NO_NETWORKS,
                "AUTOQUALITY_AVIF_NET": str(path),
                "AUTOQUALITY_LISTEN": "127.0.0.1:0",
                "AUTOQUALITY_METRICS_LISTEN": "off",
            },
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 2
        lines = [line for line in done.stderr.splitlines() if line]
        assert len(lines) == 1, done.stderr
        assert "AUTOQUALITY_AVIF_NET" in lines[0] and name in lines[0]
