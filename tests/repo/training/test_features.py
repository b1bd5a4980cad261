"""The regression from features to curves can be learned again by one command, on any corpus."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from autoquality_core import priors
from autoquality_train.cli.features import LEAST
from autoquality_train.cli.main import cli
from autoquality_train.features import learn
from tests.photos import crop

QUALITIES = np.arange(1, 101)
NAMES = ("astronaut.png", "coffee.png", "chelsea.png", "rocket.jpg", "camera.png", "text.png")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments)


def test_the_core_reads_a_regression_that_knows_its_own_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rng = np.random.default_rng(1)
    features = rng.standard_normal((400, 6))
    level = features[:, 0] + 0.3 * features[:, 1] ** 2 + 0.1 * rng.standard_normal(400)
    curves = (level[:, None] + 0.03 * QUALITIES * (1 + 0.2 * features[:, 2:3])).astype(np.float32)
    groups = [str(at // 2) for at in range(400)]
    found, errors = learn(features, curves, groups, seed=1)
    assert np.median(np.abs(errors)) < 0.1
    monkeypatch.setattr(priors, "load_learned", lambda _name, _curve: {**found, "overhead": 0})
    learned = priors.load_regression.__wrapped__("made", "dssim")
    assert learned is not None
    mean, covariance = learned.curve(features[7])
    assert np.abs(mean - curves[7]).max() < 0.4
    within = np.abs(errors[:, 49]) <= 0.6745 * np.sqrt(covariance[49, 49])
    assert 0.4 < within.mean() < 0.6, "half of the errors are within the quartiles"


def test_the_regression_is_learned_from_labels(tmp_path: Path) -> None:
    corpus, sweeps, out = (tmp_path / name for name in ("corpus", "sweeps", "out"))
    corpus.mkdir()
    learn_them = (
        *("features", str(corpus), "--sweeps", str(sweeps), "--out", str(out)),
        *("--name", "small crops", "--settings", "jpeg"),
    )
    label = ("label", str(corpus), "--out", str(sweeps), "--settings", "jpeg", "--jobs", "1")
    for at in range(LEAST + 10):
        side = 64 + 2 * (at // len(NAMES))
        name = NAMES[at % len(NAMES)]
        (corpus / f"{at}.png").write_bytes(crop(name, side, 48))
    assert run(*label, "--qualities", "some", "--first", "5").exit_code == 0
    refused = run(*learn_them)
    assert refused.exit_code == 1
    assert "5 samples of this corpus are labelled by jpeg; 100 are the least" in refused.output

    assert run(*label, "--qualities", "some").exit_code == 0
    done = run(*learn_them)
    assert done.exit_code == 0, done.output
    learned = json.loads((out / "jpeg.features.json").read_text())
    assert (learned["encoder"], learned["corpus"]) == ("jpeg", "small crops")
    assert learned["samples"] >= LEAST
    assert learned["curves"]["size"]["overhead"] > 100
    assert 0 < learned["median_error"]["size"] < 0.5

    assert run(*learn_them).exit_code == 0
    assert json.loads((out / "jpeg.features.json").read_text()) == learned
