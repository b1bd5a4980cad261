"""One network may predict several metrics."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from autoquality_core.networks import LoadOptions, Network, NetworkError, PredictionFailed, load
from autoquality_core.networks.side_file import side_path
from tests.networks import (
    SECOND,
    curve_graph,
    side_content,
    two_metric_graph,
    write_side_file,
)
from tests.networks.images import plain

SECOND_NAME = "ssimulacra2"
IMAGE = plain((51, 102, 0))
BOTH = ("dssim", SECOND_NAME)


def network(folder: Path, **options: Any) -> Network:
    path = two_metric_graph(folder / "a.pb")
    write_side_file(path, side_content(metrics={SECOND_NAME: SECOND}))
    return load(path, LoadOptions(**options))


def test_info_names_the_metrics(tmp_path: Path) -> None:
    assert network(tmp_path).info.metrics == BOTH
    path = curve_graph(tmp_path / "b.pb")
    write_side_file(path, side_content())
    assert load(path).info.metrics == ("dssim",)


def test_each_metric_has_its_own_target_logits_and_curve(tmp_path: Path) -> None:
    loaded = network(tmp_path)
    ladder = np.arange(1, 101) / 100
    first = loaded.predict(IMAGE, 0.02)
    assert first.quality == 1 + round(99 * 0.2)
    assert first.curve is not None
    np.testing.assert_allclose(first.curve.mean, 0.2 + ladder - 0.02, atol=1e-3)
    second = loaded.predict(IMAGE, 70.0, metric=SECOND_NAME)
    assert second.quality == 1 + round(99 * 0.7)
    assert second.curve is not None
    np.testing.assert_allclose(second.curve.mean, 0.4 + ladder, atol=1e-3)
    np.testing.assert_allclose(np.diag(second.curve.covariance), 2.0**2 + 0.1**2, rtol=1e-6)


@pytest.mark.parametrize(("target", "fed"), [(3.0, 20.0), (95.0, 90.0)])
def test_targets_are_clipped_to_the_range_of_their_metric(
    tmp_path: Path, target: float, fed: float
) -> None:
    found = network(tmp_path).predict(IMAGE, target, metric=SECOND_NAME)
    assert found.quality == 1 + round(99 * fed / 100)


def test_one_batch_may_mix_metrics(tmp_path: Path) -> None:
    loaded = network(tmp_path, batch_sizes=(1, 4))
    assert loaded.batch_sizes == (1, 4)
    image = loaded.prepare(IMAGE)
    metrics = (SECOND_NAME, "dssim", SECOND_NAME, "dssim")
    found = loaded.run([image] * 4, [40.0, 0.02, 80.0, 0.03], metrics)
    assert not any(isinstance(one, PredictionFailed) for one in found)
    qualities = [one.quality for one in found if not isinstance(one, PredictionFailed)]
    assert qualities == [1 + round(99 * level) for level in (0.4, 0.2, 0.8, 0.2)]


def test_a_metric_that_the_network_does_not_predict_fails_alone(tmp_path: Path) -> None:
    path = curve_graph(tmp_path / "a.pb")
    write_side_file(path, side_content())
    loaded = load(path, LoadOptions(batch_sizes=(2,)))
    image = loaded.prepare(IMAGE)
    good, bad = loaded.run([image] * 2, [0.02, 70.0], BOTH)
    assert not isinstance(good, PredictionFailed) and good.quality == 21
    assert isinstance(bad, PredictionFailed)
    assert "does not predict ssimulacra2" in str(bad)


@pytest.mark.parametrize(
    ("metrics", "why"),
    [
        ({"psnr": SECOND}, "metrics.psnr is unknown.*ssimulacra2"),
        ({"dssim": SECOND}, "metrics.dssim is unknown"),
        ({SECOND_NAME: {}}, "metrics.ssimulacra2.tensors.logits must be .* not missing"),
        (
            {SECOND_NAME: {**SECOND, "targets": {"min": 20, "max": 120}}},
            "metrics.ssimulacra2.targets.max must be .* not 120",
        ),
        (
            {SECOND_NAME: {**SECOND, "tensors": {"logits": "second/nothing:0"}}},
            "metrics.ssimulacra2.tensors.logits names 'second/nothing:0'",
        ),
        (
            {SECOND_NAME: {**SECOND, "tensors": {"logits": "second/curve_factor:0"}}},
            "metrics.ssimulacra2.tensors.logits must name an output",
        ),
    ],
)
def test_an_error_names_the_field_of_the_metric(
    tmp_path: Path, metrics: dict[str, Any], why: str
) -> None:
    path = two_metric_graph(tmp_path / "a.pb")
    write_side_file(path, side_content(metrics=metrics))
    with pytest.raises(NetworkError, match=why) as refused:
        load(path)
    assert str(refused.value).startswith(str(side_path(path)))
