"""The parts of a network: distributions of curves, the frozen graph."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from autoquality_core.images import Pixels
from autoquality_core.metrics import METRICS
from autoquality_core.networks import LoadOptions, NetworkError, load
from autoquality_core.networks.inputs import mosaic
from autoquality_core.types import Device
from autoquality_train.basis import Basis
from autoquality_train.examples import Examples, folds
from autoquality_train.graphs import metric_part
from autoquality_train.network import Fitted, TooFewImages, fit, freeze
from autoquality_train.network.fitting import crossing
from autoquality_train.network.freezing import (
    RESIDUAL,
    aim,
    distribution,
    main,
    quality_logits,
)
from autoquality_train.network.statistics import TileStatistics, for_metric, strengths_for
from tests.repo.training.helpers import untraced

QUALITIES = np.arange(1, 101)
SIDE = {"name": "autoquality-webp", "version": "1", "format": "webp"}


def examples_of(count: int) -> Examples:
    """Noise that gets stronger, and curves that get lower; those of SSIMULACRA2 are flatter."""
    rng = np.random.default_rng(7)
    mosaics = np.empty((count, 416, 416, 3), np.uint8)
    curves = np.empty((count, 100), np.float32)
    for at in range(count):
        rough = at / count
        noise = 128 + (4 + 40 * rough) * rng.standard_normal((416, 416, 1))
        mosaics[at] = noise.clip(0, 255)
        curves[at] = 2.5 - rough + 0.03 * QUALITIES
    groups = [f"image {at // 2}" for at in range(count)]
    area = np.full(count, 416 * 416, np.int64)
    by_metric = {"dssim": curves, "ssimulacra2": 0.4 * curves - 5}
    return Examples("webp", mosaics, by_metric, ["noise"] * count, groups, area)


@pytest.fixture(scope="module")
def examples() -> Examples:
    return examples_of(4)


@pytest.fixture(scope="module")
def fitted(examples: Examples) -> Fitted:
    """A head for DSSIM that has hardly learned."""
    return quickly(examples, "dssim", seed=1)


@pytest.fixture(scope="module")
def frozen(fitted: Fitted, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The graph of `fitted`."""
    path = tmp_path_factory.mktemp("network") / "base.pb"
    freeze(fitted, path, {**SIDE, "corpus": {"name": "one"}})
    return path


def quickly(examples: Examples, metric: str, seed: int, epochs: int = 1) -> Fitted:
    with untraced():
        return fit(examples, [metric], epochs=epochs, seed=seed, progress=lambda _: None)


def statistics(mosaics: np.ndarray, metric: str) -> Any:
    tiles = TileStatistics(strengths_for("webp"))(mosaics)
    return for_metric(tiles, mosaics, METRICS[metric])


def test_a_basis_reproduces_curves_of_few_components() -> None:
    rng = np.random.default_rng(3)
    shapes = np.stack([np.ones(100), QUALITIES / 100])
    curves = (2 + rng.standard_normal((40, 2)) @ shapes).astype(np.float32)
    basis = Basis.of(curves, 6)
    again = basis.mean + basis.coefficients(curves) @ basis.components
    assert again == pytest.approx(curves, abs=1e-3)
    assert basis.residual_variance(curves).max() < 1e-6
    assert basis.coefficients(curves).std(axis=0)[:2] == pytest.approx(1, rel=0.2)
    assert not basis.components[2:].any(), "there are only two directions"


def test_a_crossing_is_the_first_quality_that_is_good_enough() -> None:
    curves = np.stack([QUALITIES / 10, np.zeros(100), np.full(100, 9)]).astype(np.float32)
    assert crossing(curves, 4.05).tolist() == [41, 101, 1]


def test_samples_of_one_image_are_in_one_fold() -> None:
    groups = ["a", "b", "a", "c", "b", "d", "e", "e"]
    part = folds(groups, 3, seed=1)
    assert len({(group, number) for group, number in zip(groups, part, strict=True)}) == 5
    assert set(part) == {0, 1, 2}


def test_the_logits_are_the_probability_of_crossing_at_each_quality() -> None:
    mean = (2 + 0.04 * QUALITIES)[None].astype(np.float32)
    factor = np.full((1, 1, 100), 0.08, np.float32)
    logits = np.asarray(quality_logits(mean, factor, np.array([4.4], np.float32), 0.0))[0]
    chances = np.exp(logits)
    assert chances.sum() == pytest.approx(1, abs=1e-3)
    assert int(chances.argmax()) + 1 in (60, 61)
    spread = math.sqrt(float(chances @ (QUALITIES - chances @ QUALITIES) ** 2))
    assert spread == pytest.approx(0.08 / 0.04, rel=0.1)


@pytest.mark.parametrize(("target", "quality"), [(1e-9, 100), (1.0, 1)])
def test_a_target_beyond_the_curve_gives_the_last_quality(target: float, quality: int) -> None:
    mean = (2 + 0.04 * QUALITIES)[None].astype(np.float32)
    factor = np.full((1, 1, 100), 0.05, np.float32)
    aims = aim("dssim", np.array([target], np.float32))
    logits = np.asarray(quality_logits(mean, factor, aims, 0.0))[0]
    assert int(logits.argmax()) + 1 == quality


@pytest.mark.parametrize(("metric", "score"), [("dssim", 0.013), ("ssimulacra2", 73.0)])
def test_the_aim_is_the_value_of_the_metric(metric: str, score: float) -> None:
    found = np.asarray(aim(metric, np.array([score], np.float32)))
    assert found == pytest.approx([METRICS[metric].value(score)], rel=1e-5)


def test_a_network_learns_and_its_graph_gives_the_same_results(tmp_path: Path) -> None:
    examples = examples_of(24)
    lines: list[str] = []
    fitted = fit(examples, METRICS, epochs=150, seed=1, progress=lines.append)
    assert [len(head.members) for head in fitted.heads.values()] == [2, 2]
    assert len(lines) == 4
    path = tmp_path / "autoquality-webp.pb"
    side = {
        "format_version": 1,
        "name": "autoquality-webp",
        "version": "test",
        "format": "webp",
        "input": {"recipe": "mosaic", "side": 416, "tile": 16},
    }
    freeze(fitted, path, side)
    described = json.loads(path.with_suffix(".json").read_text())
    assert described["curve"] == {"residual": RESIDUAL}

    network = load(path, LoadOptions(Device.CPU))
    assert network.info.metrics == ("dssim", "ssimulacra2")
    assert network.info.runtime == "numpy"
    for metric, head in fitted.heads.items():
        curves = examples.curves[metric]
        mean = np.asarray(distribution(head, statistics(examples.mosaics[:4], metric))[0])
        assert np.abs(mean - curves[:4]).mean() < 0.5 * np.abs(curves.mean(0) - curves[:4]).mean()
        for at in (0, 3):
            pixels = Pixels(examples.mosaics[at : at + 1].copy())
            assert (mosaic(pixels) != examples.mosaics[at]).any(), "tiles are turned"
            (seen_mean,), (seen_factor,) = distribution(
                head, statistics(mosaic(pixels)[None], metric)
            )
            prediction = network.predict(pixels, METRICS[metric].default_target, metric=metric)
            curve = prediction.curve
            assert curve is not None
            assert curve.mean == pytest.approx(np.asarray(seen_mean), abs=2e-3)
            spread = (np.asarray(seen_factor) ** 2).sum(axis=0) + RESIDUAL**2
            assert np.diag(curve.covariance) == pytest.approx(spread, rel=0.01)
            value = METRICS[metric].value(METRICS[metric].default_target)
            assert abs(prediction.quality - np.abs(curve.mean - value).argmin() - 1) <= 3
    network.close()


def test_a_head_that_is_added_leaves_the_rest_of_the_graph_as_it_is(
    examples: Examples, frozen: Path, tmp_path: Path
) -> None:
    path = tmp_path / "a.pb"
    data = frozen.read_bytes()
    for seed in (2, 3):  # the second replaces the head of the first
        head = quickly(examples, "ssimulacra2", seed)
        origin = {**SIDE, "version": str(seed), "corpus": {"name": "other"}}
        freeze(head, path, origin, path if seed == 3 else frozen)
        described, before = (
            json.loads(one.with_suffix(".json").read_text()) for one in (path, frozen)
        )
        added = described["metrics"].pop("ssimulacra2")
        assert described == before
        assert (added["origin"]["version"], added["origin"]["corpus"]["name"]) == (
            str(seed),
            "other",
        )
        assert metric_part(path.read_bytes(), described, "dssim") == data
        network = load(path)
        assert network.info.metrics == ("dssim", "ssimulacra2")
        image = Pixels(examples.mosaics[:1])
        seen = statistics(mosaic(image)[None], "ssimulacra2")
        (mean,), _ = distribution(head.heads["ssimulacra2"], seen)
        curve = network.predict(image, 70.0, metric="ssimulacra2").curve
        assert curve is not None and curve.mean == pytest.approx(np.asarray(mean), abs=2e-3)
        network.close()


def test_a_saved_network_is_frozen_by_another_process(
    examples: Examples, fitted: Fitted, tmp_path: Path
) -> None:
    fitted.save(tmp_path)
    again = Fitted.restore(tmp_path)
    tiles = statistics(examples.mosaics, "dssim")
    both = (distribution(one.heads["dssim"], tiles) for one in (fitted, again))
    for one, other in zip(*both, strict=True):
        assert np.asarray(other) == pytest.approx(np.asarray(one), abs=1e-5)
    main(str(tmp_path))
    assert (tmp_path / "frozen.pb").read_bytes().count(b"curve_factor") > 0


def test_fitting_is_repeatable(examples: Examples) -> None:
    first, second = (quickly(examples, "dssim", seed=3, epochs=2) for _ in range(2))
    for one, other in zip(first.heads["dssim"].members, second.heads["dssim"].members, strict=True):
        for weight, again in zip(one.get_weights(), other.get_weights(), strict=True):
            assert weight == pytest.approx(again, abs=1e-6)
    scales = (one.heads["dssim"].scale for one in (first, second))
    assert next(scales) == pytest.approx(next(scales), rel=1e-4)


def test_one_image_is_too_few_to_learn_from() -> None:
    with pytest.raises(TooFewImages, match="at least 2 images"):
        fit(examples_of(2), ["dssim"], epochs=1, seed=1, progress=lambda _: None)


def test_a_truncated_graph_is_refused(frozen: Path, tmp_path: Path) -> None:
    path = tmp_path / "cut.pb"
    path.write_bytes(frozen.read_bytes()[:1000])
    with pytest.raises(NetworkError, match=r"cut\.pb"):
        load(path)
