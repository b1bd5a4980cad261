"""One command learns how far curves turn back, from drawings and any photographs."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from click.testing import CliRunner

from autoquality_core.formats.jpeg import WHOLE_CHROMA
from autoquality_core.priors.features import Detail
from autoquality_core.priors.roughness import DETAILED
from autoquality_train.cli.main import cli
from autoquality_train.roughness import APART, KNOTS, MARGIN, Rough, fit
from autoquality_train.sweeps import ALL, Sweep
from tests.photos import crop


def sweep(size: np.ndarray, dssim: np.ndarray | None = None) -> Sweep:
    some = np.linspace(0.2, 0.001, 100) if dssim is None else dssim
    return Sweep(np.array(ALL), some, size)


def rising() -> np.ndarray:
    return np.exp(np.linspace(-3, 0, 100))


def rough(size: np.ndarray, blocks: float = 40.0) -> Rough:
    return Rough(sweep(size), Detail(blocks, simple=False), pixels=10**6, grey=False)


def test_a_fall_is_learned_for_images_with_as_much_detail_and_less() -> None:
    size = rising()
    size[50] = size[49] * np.exp(-0.2)
    learned = fit("jpeg", [rough(size)], [sweep(rising())])
    within = learned["size"]["rich"]["within"]
    at = 5  # 32 to 63 blocks
    assert within[at] == np.round(MARGIN * 0.2, 4)
    assert within[0] == within[at]
    assert within[at + 2] == np.round(within[at] / 2, 4), "four times the detail, half the noise"
    assert len(within) == KNOTS == DETAILED.bit_length() - 1


def test_a_fall_at_the_break_counts_between_the_parts_alone() -> None:
    size = rising()
    size[WHOLE_CHROMA - 1 :] *= np.exp(-0.5)
    learned = fit("jpeg", [rough(size)], [sweep(rising())])
    rich = learned["size"]["rich"]
    assert max(rich["within"]) == 0
    assert max(rich["across"]) > 0.4


def test_photographs_rise_again_with_the_distance() -> None:
    smooth = sweep(rising(), np.geomspace(0.2, 0.001, 100))
    near = fit("jpeg", [rough(rising())], [smooth, smooth])["dssim"]["near"]
    assert isinstance(near, list) and len(near) == APART
    assert near == sorted(near, reverse=True)
    assert near[-1] < -0.3


def test_the_command_writes_what_the_server_reads(tmp_path: Path) -> None:
    corpus, out = tmp_path / "corpus", tmp_path / "out"
    corpus.mkdir()
    for name in ("coffee.png", "chelsea.png"):
        (corpus / name).write_bytes(crop(name, 64, 48))
    arguments = (
        *("roughness", str(corpus), "--sweeps", str(tmp_path / "sweeps"), "--out", str(out)),
        *("--name", "two crops", "--drawings", "12", "--settings", "jpeg", "--jobs", "1"),
    )
    done = CliRunner().invoke(cli, arguments)
    assert done.exit_code == 0, done.output
    learned = json.loads((out / "jpeg.rough.json").read_text())
    assert learned["corpus"] == "two crops"
    for curve in ("size", "dssim"):
        for kind in ("simple", "rich"):
            assert len(learned["curves"][curve][kind]["within"]) == KNOTS
    assert len(learned["curves"]["dssim"]["near"]) == APART
