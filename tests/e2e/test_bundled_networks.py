"""The bundled networks, on photographs that they were not trained on."""

from __future__ import annotations

import hashlib
import json
import statistics
from collections.abc import Iterator
from itertools import product
from typing import Any

import pytest

from autoquality import Client, Encoded, Format, Method, Outcome
from autoquality_core.formats import ENCODERS
from autoquality_core.networks.bundled import BUNDLED
from autoquality_train.graphs import metric_part
from tests.photos import photo
from tests.servers import running_server

PHOTOS = ("astronaut.png", "chelsea.png", "coffee.png", "motorcycle_left.png", "rocket.jpg")
FORMATS = ("jpeg", "webp", "avif")
TARGETS = (0.01, 0.02)


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    with (
        running_server(tmp_path_factory.mktemp("all")) as server,
        Client(server.address) as one,
    ):
        yield one


@pytest.fixture(scope="module", params=FORMATS)
def answers(client: Client, request: pytest.FixtureRequest) -> list[Encoded]:
    """Every photograph in one format at the usual targets, which all can meet."""
    return [
        client.encode(
            photo(name),
            format=request.param,
            method="ml",
            target=target,
            allowed_error=0.002,
            min_quality=10,
            max_quality=95,
        )
        for name, target in product(PHOTOS, TARGETS)
    ]


def test_a_server_without_settings_has_a_network_for_every_lossy_format(
    client: Client,
) -> None:
    networks = {one.format: one.network for one in client.info().formats}
    for fmt in (Format.JPEG, Format.WEBP, Format.AVIF):
        network = networks[fmt]
        assert network is not None and network.name == f"autoquality-{fmt.value}.pb"
    assert networks[Format.PNG] is None


def test_the_target_is_met_with_hardly_more_than_one_encoding(answers: list[Encoded]) -> None:
    assert all(
        one.applied.method is Method.ML and one.outcome is Outcome.TARGET_MET for one in answers
    )
    assert statistics.mean(one.iterations for one in answers) <= 1.5


def test_predictions_are_a_few_quality_steps_off(answers: list[Encoded]) -> None:
    misses = [abs((one.quality or 0) - (one.predicted_quality or 0)) for one in answers]
    assert statistics.median(misses) <= 3
    assert max(misses) <= 15


@pytest.mark.parametrize("fmt", [*FORMATS, "jxl"])
def test_side_files_describe_the_training(fmt: str) -> None:
    content = side_file(fmt)
    assert content["format"] == fmt
    assert content["training"]["samples"] >= 1000
    (encoder,) = (one for one in ENCODERS.values() if one.format.value == fmt)
    # The head for DSSIM of AVIF is older than the library that writes AVIF today.
    newer = {"imagecodecs", "libavif"} if fmt == "avif" else set()
    assert set(encoder.libraries) - newer <= content["library_versions"].keys()


@pytest.mark.parametrize("fmt", FORMATS)
def test_the_measured_accuracy_keeps_its_promise(fmt: str) -> None:
    """The report's numbers for this file, on images that it was not trained on."""
    accuracy = side_file(fmt)["accuracy"]
    assert accuracy["sha256"] == part_digest(fmt, "dssim")
    assert accuracy["calibration_error"] <= 0.06
    photographs = accuracy["photographs"]["all"]["wide"]
    assert accuracy["photographs"]["all"]["images"] >= 40
    assert photographs["miss"]["median"] <= 1
    assert photographs["allowed_error"]["0.002"]["met_by_first_guess"] >= 0.7
    for group in ("photographs", "graphics", "all"):
        found = accuracy[group]["all"]["wide"]["allowed_error"]
        assert found["0.001"]["encodings"] <= (1.65 if group == "graphics" else 1.6)
        assert found["0.002"]["encodings"] <= 1.35


@pytest.mark.parametrize("fmt", [*FORMATS, "jxl"])
def test_predictions_for_ssimulacra2_keep_their_promise(fmt: str) -> None:
    accuracy = side_file(fmt)["metrics"]["ssimulacra2"]["accuracy"]
    assert accuracy["sha256"] == part_digest(fmt, "ssimulacra2")
    assert accuracy["all"]["all"]["images"] >= 30
    found = accuracy["all"]["all"]["wide"]["allowed_error"]["1"]
    assert found["encodings"] <= 2.4
    assert found["encodings"] < found["encodings_without"]


def part_digest(fmt: str, metric: str) -> str:
    """The digest of the part of a bundled network that was judged for a metric."""
    graph = (BUNDLED / f"autoquality-{fmt}.pb").read_bytes()
    return hashlib.sha256(metric_part(graph, side_file(fmt), metric)).hexdigest()


def side_file(fmt: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((BUNDLED / f"autoquality-{fmt}.json").read_text())
    return content


def test_the_bundled_networks_are_small() -> None:
    assert sum(path.stat().st_size for path in BUNDLED.iterdir()) < 10e6
