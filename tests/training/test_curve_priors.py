"""The curves can be learned anew by one command, on any corpus."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np

from autoquality_server.search import CurvePrior, DssimObjective, Observation, search
from tests.photos import crop

ROOT = Path(__file__).resolve().parents[2]


def test_a_run_writes_a_prior_for_every_setting_and_can_be_resumed(tmp_path: Path) -> None:
    corpus, sweeps, out = (tmp_path / name for name in ("corpus", "sweeps", "out"))
    corpus.mkdir()
    out.mkdir()
    for name in ("coffee.png", "chelsea.png", "rocket.jpg"):
        (corpus / name).with_suffix(".png").write_bytes(crop(name, 48, 40))
    command = [sys.executable, "-m", "training.curve_priors", str(corpus)]
    command += ["--corpus-name", "three small crops", "--sweeps", str(sweeps), "--out", str(out)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)

    assert {path.stem for path in out.iterdir()} == {"jpeg", "jpeg-mozjpeg", "webp", "avif"}
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
    kept = {path.name: path.stat().st_mtime_ns for path in sweeps.iterdir()}
    with np.load(next(path for path in sweeps.iterdir() if path.name.endswith(".webp.npz"))) as one:
        dssim = one["dssim"]
    found = search(
        DssimObjective(0.02, 0.002),
        1,
        100,
        lambda quality: Observation(quality, 1, float(dssim[quality - 1])),
        prior=prior,
    )
    assert found.best.dssim is not None and abs(found.best.dssim - 0.02) <= 0.002

    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    assert {path.name: path.stat().st_mtime_ns for path in sweeps.iterdir()} == kept
    assert json.loads((out / "webp.json").read_text()) == learned
