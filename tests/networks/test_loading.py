"""A network is used as a library, without the server."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from autoquality_core.networks import NetworkError, Predictor, load
from autoquality_core.networks.bundled import bundled_network
from autoquality_core.runtime.deadline import Deadline
from autoquality_core.types import Format
from tests.commands import python
from tests.networks import constant_graph, mean_graph, peak_at, quality_of
from tests.networks.images import plain
from tests.networks.onnx_models import red_model


def test_a_loaded_network_is_a_predictor(tmp_path: Path) -> None:
    """Mypy checks the interface, and the call goes straight to the network."""
    predictor: Predictor = load(mean_graph(tmp_path / "a.pb", (1.0, 0.0, 0.0)))
    assert predictor.available
    assert predictor.info.name == "a.pb"
    assert predictor.predict(plain((51, 0, 0)), 0.02).quality == quality_of(51)
    assert predictor.predict(plain((255, 0, 0)), 0.02, Deadline(60)).quality == 100


def test_a_pickled_network_is_loaded_once_from_its_unchanged_file(tmp_path: Path) -> None:
    """An error of a network can be pickled, too."""
    path = tmp_path / "a.pb"
    _copy(Format.WEBP, path)
    pickled = pickle.dumps(load(path))
    there = pickle.loads(pickled)
    assert there.info.metrics == ("dssim", "ssimulacra2")
    assert pickle.loads(pickled) is there
    _copy(Format.JPEG, path)
    later = pickle.dumps(load(path))
    _copy(Format.WEBP, path)
    with pytest.raises(NetworkError, match="not the file of the network that was pickled") as error:
        pickle.loads(later)
    assert str(pickle.loads(pickle.dumps(error.value))) == str(error.value)


def _copy(fmt: Format, path: Path) -> None:
    bundled = bundled_network(fmt)
    assert bundled
    for suffix in (".pb", ".json"):
        path.with_suffix(suffix).write_bytes(bundled.with_suffix(suffix).read_bytes())


@pytest.mark.parametrize("name", ["a.pb", "a.onnx"])
def test_a_notebook_predicts_without_the_server(tmp_path: Path, name: str) -> None:
    """A file, `load`, `predict` and `encode` are enough; no package of the server is imported."""
    path = tmp_path / name
    if name == "a.onnx":
        red_model(path)
    else:
        constant_graph(path, peak_at(57))
    notebook = """
import sys
from skimage import data
import autoquality_core as aq
from autoquality_core.images import Pixels
from autoquality_core.networks import load

network = load(sys.argv[1])
samples = data.astronaut()[:64, :64]
print(network.predict(Pixels(samples[None].copy()), 0.02).quality)
raw = aq.RawSource(64, 64, 3, samples.tobytes())
result = aq.encode(
    raw, "webp", method="ml", allowed_error=1, networks={aq.Format.WEBP: network}
)
print(result.outcome.value, result.predicted_quality)
network.close()
print(*sorted({"autoquality", "autoquality_server", "grpc"} & set(sys.modules)))
"""
    quality, outcome, predicted = python(notebook, path).stdout.split()
    assert outcome == "prediction_trusted"
    assert quality == predicted
