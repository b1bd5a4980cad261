"""How far slower settings lie from the usual ones can be learned anew by one command."""

from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner, Result

from autoquality_train.cli.main import cli
from autoquality_train.cli.offsets import LEAST
from tests.photos import crop

NAMES = ("astronaut.png", "coffee.png", "chelsea.png", "rocket.jpg", "camera.png")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments)


def test_offsets_are_learned_from_labels_by_both_settings(tmp_path: Path) -> None:
    corpus, sweeps, out = (tmp_path / name for name in ("corpus", "sweeps", "out"))
    corpus.mkdir()
    for at in range(LEAST + 5):
        side = 40 + 2 * (at // len(NAMES))
        (corpus / f"{at}.png").write_bytes(crop(NAMES[at % len(NAMES)], side, 32))
    label = ("label", str(corpus), "--out", str(sweeps), "--qualities", "some", "--jobs", "1")
    learn = (
        *("offsets", str(corpus), "--sweeps", str(sweeps), "--out", str(out)),
        *("--name", "small crops", "--settings", "webp-slow"),
    )
    assert run(*label, "--settings", "webp").exit_code == 0
    refused = run(*learn)
    assert refused.exit_code == 1
    assert "0 samples of this corpus are labelled by both webp-slow and webp" in refused.output

    assert run(*label, "--settings", "webp-slow").exit_code == 0
    done = run(*learn)
    assert done.exit_code == 0, done.output
    learned = json.loads((out / "webp-slow.offset.json").read_text())
    assert (learned["encoder"], learned["usual"]) == ("webp-slow", "webp")
    assert learned["samples"] >= LEAST
    size = learned["curves"]["size"]
    assert len(size["mean"]) == 100
    assert -0.2 < sum(size["mean"]) / 100 < 0.05
