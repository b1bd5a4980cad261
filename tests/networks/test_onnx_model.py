"""ONNX models of imgproxy 4's contract predict, and others are refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from autoquality_core.networks import LoadOptions, NetworkError, Prediction, load
from tests.commands import python
from tests.networks.images import photograph, plain
from tests.networks.onnx_models import NCHW, NHWC, red_model


@pytest.mark.parametrize(
    "shape", [NHWC, (1, *NHWC[1:]), NCHW, (1, *NCHW[1:]), ("n", "h", "w", 3), ("n", 3, "h", "w")]
)
@pytest.mark.parametrize("output", [("n", 1), ("n",)])
def test_every_layout_sees_the_image_in_256_square(tmp_path: Path, shape: Any, output: Any) -> None:
    network = load(red_model(tmp_path / "a.onnx", shape, output))
    assert network.predict(plain((51, 255, 0)), 0.02).quality == 20
    side = network.prepare(photograph()).shape
    assert side == ((3, 256, 256) if shape[1] == 3 else (256, 256, 3))


def test_one_quality_becomes_a_normal_distribution_of_the_documented_width(tmp_path: Path) -> None:
    prediction = load(red_model(tmp_path / "a.onnx")).predict(plain((128, 0, 0)), 0.02)
    qualities = np.arange(1, 101)
    mean = (prediction.probabilities * qualities).sum()
    spread = np.sqrt((prediction.probabilities * (qualities - mean) ** 2).sum())
    assert mean == pytest.approx(100 * 128 / 255, abs=0.01)
    assert spread == pytest.approx(10, abs=0.01)
    assert prediction.curve is None


@pytest.mark.parametrize(("quality", "likeliest"), [(-5.0, 1), (0.0, 1), (62.4, 62), (120.0, 100)])
def test_a_quality_out_of_range_counts_as_the_nearest_end(quality: float, likeliest: int) -> None:
    prediction = Prediction.from_quality(quality)
    assert prediction.quality == likeliest
    assert prediction.probabilities.sum() == pytest.approx(1)


def test_an_open_batch_is_used_and_a_fixed_one_kept(tmp_path: Path) -> None:
    options = LoadOptions(batch_sizes=(1, 2, 4))
    assert load(red_model(tmp_path / "a.onnx"), options).batch_sizes == (1, 2, 4)
    fixed = red_model(tmp_path / "b.onnx", (1, *NHWC[1:]))
    assert load(fixed, options).batch_sizes == (1,)
    mixed = red_model(tmp_path / "c.onnx", output=("n",), flat=True)
    assert load(mixed, options).batch_sizes == (1,)


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda path: path.write_bytes(b"\x08\x08garbage"), "not an ONNX model that onnxruntime"),
        (lambda path: path.write_bytes(b""), "empty"),
        (lambda path: red_model(path, ("n", 416, 416, 3)), r"256x256 RGB .* \[\?, 416, 416, 3\]"),
        (lambda path: red_model(path, scale=100), "its answer is 50.*, not from 0 to 1"),
    ],
)
def test_unusable_models_are_refused_in_one_line(tmp_path: Path, make: Any, why: str) -> None:
    path = tmp_path / "a.onnx"
    make(path)
    with pytest.raises(NetworkError, match=why) as caught:
        load(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert len(str(caught.value).splitlines()) == 1


def test_a_missing_onnxruntime_is_reported_in_one_line(tmp_path: Path) -> None:
    path = red_model(tmp_path / "a.onnx")
    code = """
import sys
from pathlib import Path
sys.modules['onnxruntime'] = None
from autoquality_core.networks import NetworkError, load
try:
    load(Path(sys.argv[1]))
except NetworkError as error:
    print(error, 'tensorflow' in sys.modules)
"""
    needs = "ONNX models need onnxruntime: install it with pip install 'autoquality[onnx]'"
    assert python(code, path).stdout == f"{path}: {needs} False\n"


def test_onnxruntime_prints_nothing_and_does_not_import_tensorflow(tmp_path: Path) -> None:
    path = red_model(tmp_path / "a.onnx")
    code = """
import sys
from pathlib import Path
from autoquality_core.networks import load
load(Path(sys.argv[1]))
print('tensorflow' in sys.modules)
"""
    done = python(code, path)
    assert (done.stdout, done.stderr) == ("False\n", "")
