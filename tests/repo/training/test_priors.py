"""The curves can be learned anew by one command, on any corpus."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from click.testing import CliRunner, Result

from autoquality_core.metrics import DSSIM
from autoquality_core.search import CurvePrior, Observation, ScoreGoal, search
from autoquality_train.cli.main import cli
from tests.photos import crop


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments)


def test_priors_are_learned_from_labels_at_every_quality(tmp_path: Path) -> None:
    corpus, sweeps, out = (tmp_path / name for name in ("corpus", "sweeps", "out"))
    corpus.mkdir()
    for name in ("coffee.png", "chelsea.png", "rocket.jpg"):
        (corpus / name).with_suffix(".png").write_bytes(crop(name, 180, 40))
    labelled = ("label", str(corpus), "--out", str(sweeps), "--settings", "webp", "--jobs", "1")
    learn = (
        *("priors", str(corpus), "--sweeps", str(sweeps), "--out", str(out)),
        *("--name", "three small crops", "--settings", "webp"),
    )
    assert run(*labelled, "--qualities", "some").exit_code == 0
    refused = run(*learn)
    assert refused.exit_code == 1
    assert "0 samples of this corpus are swept at every quality by webp" in refused.output

    assert run(*labelled, "--middles").exit_code == 0
    done = run(*learn)
    assert done.exit_code == 0, done.output
    assert "6 curves" in done.output
    learned = json.loads((out / "webp.json").read_text())
    assert (learned["corpus"], learned["images"]) == ("three small crops", 3)
    curve = learned["curves"]["dssim"]
    prior = CurvePrior.learned(
        np.array(curve["mean"]),
        np.array(curve["components"]),
        residual=curve["residual"],
        noise=curve["noise"],
        allowance=curve["allowance"],
    )
    complete = [path for path in sweeps.iterdir() if np.load(path)["dssim"].size == 100]
    with np.load(complete[0]) as one:
        dssim = one["dssim"]
    found = search(
        ScoreGoal(DSSIM, 0.02, 0.002),
        1,
        100,
        lambda quality: Observation(quality, 1, float(dssim[quality - 1])),
        prior=prior,
    )
    assert found.best.score is not None and abs(found.best.score - 0.02) <= 0.002

    assert run(*learn).exit_code == 0
    assert json.loads((out / "webp.json").read_text()) == learned
