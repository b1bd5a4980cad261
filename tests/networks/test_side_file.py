"""A side file describes the inputs and outputs of a network; errors name the wrong field."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from autoquality_core.networks import NetworkError, PredictionFailed, load
from autoquality_core.networks.inputs import mosaic, squeeze
from autoquality_core.types import Format
from tests.networks import (
    CURVE_TENSORS,
    channel_means,
    constant_graph,
    curve_graph,
    image_input,
    logits_around,
    peak_at,
    side_content,
    target_graph,
    write_graph,
    write_side_file,
)
from tests.networks.images import photograph, plain

TENSORS = side_content()["tensors"]
DISTANCE = np.arange(100)[:, None] - np.arange(100)[None, :]


def network_with(folder: Path, **changes: Any) -> Path:
    path = curve_graph(folder / "a.pb")
    write_side_file(path, side_content(**changes))
    return path


def test_a_network_with_a_curve_predicts_quality_mean_and_covariance(tmp_path: Path) -> None:
    prediction = load(network_with(tmp_path)).predict(plain((51, 0, 0)), 0.02)
    assert prediction.quality == 1 + round(99 * 0.2)
    assert prediction.curve is not None
    ladder = np.arange(1, 101) / 100
    np.testing.assert_allclose(prediction.curve.mean, 0.2 + ladder - 0.02, atol=1e-3)
    residue = 0.02**2 * np.exp(-0.5 * (DISTANCE / 5) ** 2)
    expected = 1 + np.outer(ladder, ladder) + residue
    np.testing.assert_allclose(prediction.curve.covariance, expected, atol=1e-6)


def test_a_curve_is_exact_symmetric_and_cannot_be_changed(tmp_path: Path) -> None:
    curve = load(network_with(tmp_path)).predict(plain((51, 0, 0)), 0.02).curve
    assert curve is not None
    assert curve.mean.dtype == curve.covariance.dtype == np.float64
    assert (curve.covariance == curve.covariance.T).all()
    assert np.linalg.eigvalsh(curve.covariance).min() > -1e-9
    for array in (curve.mean, curve.covariance):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1


def test_a_network_without_a_curve_predicts_none(tmp_path: Path) -> None:
    tensors = {name: TENSORS[name] for name in ("image", "target", "logits")}
    assert load(network_with(tmp_path, tensors=tensors)).predict(photograph(), 0.02).curve is None


def test_without_a_target_tensor_none_is_fed(tmp_path: Path) -> None:
    path = curve_graph(tmp_path / "a.pb", target=False)
    tensors = {name: text for name, text in TENSORS.items() if name != "target"}
    write_side_file(path, side_content(tensors=tensors))
    assert load(path).predict(plain((51, 0, 0)), 0.02).quality == 21


@pytest.mark.parametrize(
    ("recipe", "make"),
    [
        ({"recipe": "mosaic", "side": 416, "tile": 16}, mosaic),
        ({"recipe": "squeeze", "side": 416}, squeeze),
    ],
)
def test_the_recipe_makes_the_input(tmp_path: Path, recipe: dict[str, Any], make: Any) -> None:
    network = load(network_with(tmp_path, input=recipe))
    assert (network.prepare(photograph()) == make(photograph())).all()


def test_without_a_side_file_the_image_is_squeezed(tmp_path: Path) -> None:
    network = load(constant_graph(tmp_path / "a.pb", peak_at(50)))
    expected = np.divide(squeeze(photograph()), np.float32(255), dtype=np.float32)
    assert (network.prepare(photograph()) == expected).all()


@pytest.mark.parametrize(("target", "fed"), [(0.0, 0.1), (0.25, 0.25), (0.9, 0.5)])
def test_a_target_outside_the_trained_range_counts_as_its_nearest_end(
    tmp_path: Path, target: float, fed: float
) -> None:
    path = target_graph(tmp_path / "a.pb", (None,))
    tensors = {"image": "images:0", "target": "target:0", "logits": "logits:0"}
    write_side_file(path, side_content(tensors=tensors, targets={"min": 0.1, "max": 0.5}))
    assert load(path).predict(plain((9, 9, 9)), target).quality == 1 + round(99 * fed)


def test_info_has_the_version(tmp_path: Path) -> None:
    assert load(network_with(tmp_path)).info.version == "1.2"


def test_unknown_keys_are_allowed(tmp_path: Path) -> None:
    path = network_with(tmp_path, licence="CC0", input={**side_content()["input"], "seed": 3})
    assert load(path).predict(photograph(), 0.02).curve is not None


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"\xff\xfe\x00garbage", "not a side file: not UTF-8"),
        ("", "not a side file: not JSON"),
        ("{'name': 1}", "not a side file: not JSON"),
        ("[" * 100_000, "not a side file: not JSON"),
        ("[]", r"its content must be an object, not \[\]"),
        ("{}", "format_version must be 1, not missing"),
        (side_content(format_version=2), "format_version must be 1, not 2"),
        (side_content(format_version=True), "format_version must be 1, not true"),
        (side_content(name=7), "name must be printable text, not 7"),
        (side_content(version=None), "version must be printable text, not null"),
        (side_content(version="\ud800"), r"version must be printable text"),
        (side_content(name="two\nlines"), r"name must be printable text"),
        (side_content(format="png"), 'format must be jpeg or webp or avif or jxl, not "png"'),
        (side_content(input=[]), r"input must be an object, not \[\]"),
        (side_content(input={}), "input.recipe must be mosaic or squeeze, not missing"),
        (side_content(input={"recipe": ["mosaic"]}), "input.recipe must be"),
        (side_content(input={"recipe": "squeeze", "side": 224}), "input.side must be 416, not 224"),
        (
            side_content(input={"recipe": "mosaic", "side": 416, "tile": 8}),
            "input.tile must be 16, not 8",
        ),
        (side_content(tensors={}), "tensors.image must be printable text, not missing"),
        (
            side_content(tensors={**TENSORS, "image": "picture:0"}),
            "tensors.image names 'picture:0', which the graph does not have",
        ),
        (
            side_content(tensors={**TENSORS, "logits": "logits"}),
            "tensors.logits names 'logits', which the graph does not have",
        ),
        (
            side_content(tensors={**TENSORS, "image": "target:0"}),
            "tensors.image must name a 416x416 RGB placeholder, not 'target' float32",
        ),
        (
            side_content(tensors={**TENSORS, "target": "image:0"}),
            "tensors.target must name a placeholder of one float an image, not 'image' uint8",
        ),
        (
            side_content(tensors={**TENSORS, "logits": "curve_factor:0"}),
            r"tensors.logits must name an output \[\?, 100\] of floats, not 'curve_factor'",
        ),
        (
            side_content(tensors={**TENSORS, "curve_factor": "curve_mean:0"}),
            r"tensors.curve_factor must name an output \[\?, k, 100\] of floats",
        ),
        (
            side_content(tensors={k: v for k, v in TENSORS.items() if k != "curve_factor"}),
            "tensors.curve_factor is missing",
        ),
        (side_content(curve={}), "curve.residual must be a number from 0 to 10, not missing"),
        (side_content(curve={"residual": -1}), "curve.residual must be a number from 0"),
        (side_content(curve={"residual": float("nan")}), "curve.residual .* not NaN"),
        (side_content(targets={"min": 0.02, "max": 0.01}), "targets.max must be .* from 0.02 to 1"),
        (side_content(targets={"min": "0"}), 'targets.min must be a number from 0 to 1, not "0"'),
        (side_content(format_version="\ud800\x7f"), r'must be 1, not "\\ud800\\x7f"'),
        (side_content(encoder="mozjpeg"), 'encoder must be an object, not "mozjpeg"'),
        (side_content(accuracy=[1]), r"accuracy must be an object, not \[1\]"),
    ],
)
def test_an_error_is_one_line_that_names_the_file_and_the_field(
    tmp_path: Path, content: Any, why: str
) -> None:
    path = curve_graph(tmp_path / "a.pb")
    file = write_side_file(path, content)
    with pytest.raises(NetworkError, match=why) as caught:
        load(path)
    assert str(caught.value).startswith(f"{file}: ")
    assert len(str(caught.value).splitlines()) == 1


def test_a_network_for_another_format_is_refused(tmp_path: Path) -> None:
    path = network_with(tmp_path)
    assert load(path, fmt=Format.JPEG).info.name == "a.pb"
    with pytest.raises(NetworkError, match=r"a\.json: format is jpeg, .* to serve webp"):
        load(path, fmt=Format.WEBP)


def test_a_curve_of_the_wrong_shape_is_refused(tmp_path: Path) -> None:
    def build(tf: Any) -> None:
        red = channel_means(tf, image_input(tf, dtype="uint8", name="image"))[:, 0]
        tf.compat.v1.placeholder("float32", [None], "target")
        tf.identity(logits_around(tf, red), "logits")
        tf.identity(logits_around(tf, red), "curve_mean")
        lengths = tf.compat.v1.placeholder_with_default([1, 50, 2], [3])
        tf.reshape(logits_around(tf, red), lengths, "curve_factor")

    path = write_graph(tmp_path / "a.pb", build)
    write_side_file(path, side_content(tensors={**TENSORS, **CURVE_TENSORS}))
    with pytest.raises(NetworkError, match=r"its curve has the shape \[1, 50, 2\]"):
        load(path)


@pytest.mark.parametrize("width", [1e4, 1e30])
def test_an_impossible_curve_is_a_failed_prediction(tmp_path: Path, width: float) -> None:
    path = curve_graph(tmp_path / "wide.pb", width=width)
    write_side_file(path, side_content())
    with pytest.raises(PredictionFailed, match="curve is beyond 100"):
        load(path).predict(photograph(), 0.02)
