"""Learned data for searches can be learned again on any corpus, and the core reads it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from autoquality_core import priors
from autoquality_core.formats import JpegEncoder, WebpEncoder
from autoquality_core.metrics import DSSIM
from autoquality_core.priors.features import COLOURED_NUMBERS, NUMBERS, all_features
from autoquality_core.priors.formats import Learned, SizeBeliefs
from autoquality_core.search import CurvePrior, Observation, Roughness, ScoreGoal, search
from autoquality_train.cli.priors import LEAST_DIFFERENCES, LEAST_ROWS
from autoquality_train.corpus.samples import decode
from autoquality_train.labels.sweeps import ALL, Sweep
from autoquality_train.priors import write_learned
from autoquality_train.priors.curves import LARGE, SizedSweep, allowances, near
from autoquality_train.priors.features import learn
from autoquality_train.priors.formats import payloads
from autoquality_train.priors.offsets import learn as learn_offset
from tests.photos import crop
from tests.repo.training.helpers import GRAPHICS, PHOTOS, run

QUALITIES = np.arange(1, 101)
SOME_SIZE = 18


def crops(folder: Path, count: int, height: int) -> Path:
    """A corpus of small crops, all different."""
    folder.mkdir()
    names = (*PHOTOS[:5], GRAPHICS[0])
    for at in range(count):
        side = 40 + 2 * (at // len(names))
        (folder / f"{at}.png").write_bytes(crop(names[at % len(names)], side, height))
    return folder


def labelling(corpus: Path, sweeps: Path, *options: str) -> tuple[str, ...]:
    """The command that labels a corpus."""
    return ("label", str(corpus), "--out", str(sweeps), "--jobs", "1", *options)


def learning(what: str, corpus: Path, sweeps: Path, out: Path, *options: str) -> tuple[str, ...]:
    """The command that learns from the labels of a corpus."""
    folders = ("--sweeps", str(sweeps), "--out", str(out))
    return (what, str(corpus), *folders, "--name", "small crops", *options)


def test_priors_are_learned_from_labels_at_every_quality(tmp_path: Path) -> None:
    corpus, sweeps, out = (tmp_path / name for name in ("corpus", "sweeps", "out"))
    corpus.mkdir()
    for name in ("coffee.png", "chelsea.png", "rocket.jpg"):
        (corpus / name).with_suffix(".png").write_bytes(crop(name, 180, 40))
    labelled = labelling(corpus, sweeps, "--settings", "webp")
    command = learning("priors", corpus, sweeps, out, "--settings", "webp")
    assert run(*labelled, "--qualities", "some").exit_code == 0
    refused = run(*command)
    assert refused.exit_code == 1
    assert "0 samples of this corpus are swept at every quality by webp" in refused.output

    assert run(*labelled, "--middles").exit_code == 0
    done = run(*command)
    assert done.exit_code == 0, done.output
    assert "6 curves" in done.output
    learned = json.loads((out / "webp.json").read_text())
    assert (learned["corpus"], learned["images"]) == ("small crops", 3)
    curve = learned["curves"]["dssim"]
    prior = CurvePrior.learned(
        np.array(curve["mean"]),
        np.array(curve["components"]),
        residual=curve["residual"],
        noise=curve["noise"],
        roughness=Roughness(curve["allowance"]),
    )
    complete = sorted(path for path in sweeps.iterdir() if np.load(path)["dssim"].size == 100)
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

    assert run(*command).exit_code == 0
    assert json.loads((out / "webp.json").read_text()) == learned


def test_a_fall_at_a_break_is_allowed_for_between_the_parts_and_not_within_them() -> None:
    rising = np.where(QUALITIES < 40, QUALITIES + 30.0, QUALITIES) / 50
    dented = np.where(QUALITIES == 60, rising - 0.1, rising)
    curves = np.array([rising, dented])
    known = [SizedSweep(Sweep(QUALITIES, {}, np.exp(one)), 512 * 512) for one in curves]
    everywhere = np.ones(curves.shape, np.bool_)
    found = allowances(curves, everywhere, known, (40,), 100)
    assert found == {"allowance": 0.08, "across": 0.58}
    assert allowances(curves, everywhere, known, (), 100) == {"allowance": 0.58}
    for smooth_from, fall in ((50, 0.08), (61, 0.0)):
        found = allowances(curves, everywhere, known, (40,), 100, smooth_from)
        assert found == {"allowance": 0.08, "across": 0.58, "smooth": fall}


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
    corpus, sweeps, out = crops(tmp_path / "corpus", LEAST_ROWS + 10, 48), tmp_path / "s", tmp_path
    command = learning("features", corpus, sweeps, out, "--settings", "jpeg")
    labelled = labelling(corpus, sweeps, "--settings", "jpeg", "--qualities", "some")
    assert run(*labelled, "--first", "5").exit_code == 0
    refused = run(*command)
    assert refused.exit_code == 1
    assert "5 samples of this corpus are labelled by jpeg, but 100 are needed" in refused.output

    assert run(*labelled).exit_code == 0
    done = run(*command)
    assert done.exit_code == 0, done.output
    learned = json.loads((out / "jpeg.features.json").read_text())
    assert (learned["encoder"], learned["corpus"]) == ("jpeg", "small crops")
    assert learned["samples"] >= LEAST_ROWS
    assert learned["curves"]["size"]["overhead"] > 100
    assert 0 < learned["median_error"]["size"] < 0.5

    assert run(*command).exit_code == 0
    assert json.loads((out / "jpeg.features.json").read_text()) == learned


def test_a_curve_that_is_learned_alone_leaves_the_others_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "webp.json"
    write_learned(path, "webp", {"size": {"mean": [0.1]}, "dssim": {"mean": [2]}}, corpus="one")
    first = json.loads(path.read_text())
    assert "origin" not in first["curves"]["size"]
    for mean in (3.0, 4.0):
        write_learned(path, "webp", {"ssimulacra2": {"mean": [mean]}}, corpus="other")
        added = json.loads(path.read_text())
        origin = {"corpus": "other", "versions": first["versions"]}
        assert added["curves"].pop("ssimulacra2") == {"origin": origin, "mean": [mean]}
        assert added == first


def test_only_the_named_curves_are_learned(tmp_path: Path) -> None:
    corpus, sweeps, out = crops(tmp_path / "corpus", 3, 24), tmp_path / "sweeps", tmp_path / "out"
    assert run(*labelling(corpus, sweeps, "--settings", "jpeg")).exit_code == 0
    command = learning("priors", corpus, sweeps, out, "--settings", "jpeg")
    assert run(*command, "--curves", "dssim").exit_code == 0
    assert run(*command, "--curves", "ssimulacra2").exit_code == 0
    apart = json.loads((out / "jpeg.json").read_text())["curves"]
    assert list(apart) == ["dssim", "ssimulacra2"]
    assert run(*command).exit_code == 0
    together = json.loads((out / "jpeg.json").read_text())["curves"]
    assert together["dssim"] == apart["dssim"]
    assert together["ssimulacra2"]["mean"] == apart["ssimulacra2"]["mean"]
    refused = run(*command, "--curves", "psnr")
    assert refused.exit_code == 2 and "none of dssim, ssimulacra2, size" in refused.output


def test_offsets_are_learned_from_labels_by_both_settings(tmp_path: Path) -> None:
    corpus, sweeps = crops(tmp_path / "corpus", LEAST_DIFFERENCES + 5, 32), tmp_path / "sweeps"
    labelled = labelling(corpus, sweeps, "--qualities", "some")
    command = learning("offsets", corpus, sweeps, tmp_path, "--settings", "webp-effort-6")
    assert run(*labelled, "--settings", "webp").exit_code == 0
    refused = run(*command)
    assert refused.exit_code == 1
    assert "0 samples of this corpus are labelled by both webp-effort-6 and webp" in refused.output

    assert run(*labelled, "--settings", "webp-effort-6").exit_code == 0
    done = run(*command)
    assert done.exit_code == 0, done.output
    learned = json.loads((tmp_path / "webp-effort-6.offset.json").read_text())
    assert (learned["encoder"], learned["usual"]) == ("webp-effort-6", "webp")
    assert learned["samples"] >= LEAST_DIFFERENCES
    size = learned["curves"]["size"]
    assert len(size["mean"]) == 100
    assert -0.2 < sum(size["mean"]) / 100 < 0.05
    assert len(size["by_features"]["centre"]) == COLOURED_NUMBERS
    assert len(learned["curves"]["dssim"]["by_features"]["centre"]) == NUMBERS


def test_the_distance_of_full_chroma_depends_on_the_step_of_the_usual_curve() -> None:
    """Samples whose scores rise more where chroma becomes full gain more from it below."""
    chance = np.random.default_rng(3)
    steps = chance.uniform(0, 0.6, (40, 1))
    full = np.linspace(-4, -1, 100) + chance.normal(0, 0.3, (40, 1))
    share = np.linspace(0.3, 1, 89)
    usual = full.copy()
    usual[:, :89] -= steps * share
    learned = learn_offset(usual.astype(np.float32), full.astype(np.float32), 90)
    assert learned["step"] == [88, 90]
    assert learned["gain"][:88] == pytest.approx(share[:88] / share[87], abs=0.02)
    assert learned["gain"][89:] == pytest.approx(np.zeros(11), abs=1e-4)
    assert learned["residual"] < 0.01
    assert "gain" not in learn_offset(usual.astype(np.float32), full.astype(np.float32))


def sweep(size: np.ndarray, dssim: np.ndarray | None = None) -> Sweep:
    some = np.linspace(0.2, 0.001, 100) if dssim is None else dssim
    return Sweep(np.array(ALL), {"dssim": some}, size)


def rising() -> np.ndarray:
    return np.exp(np.linspace(-3, 0, 100))


def test_the_values_of_photographs_rise_again_with_the_distance() -> None:
    smooth = sweep(rising(), np.geomspace(0.2, 0.001, 100))
    learned = near([SizedSweep(smooth, LARGE), SizedSweep(smooth, LARGE)], "dssim")["near"]
    assert len(learned) == 8
    assert learned == sorted(learned, reverse=True)
    assert learned[-1] < -0.3


def test_thumbnails_say_nothing_about_qualities_a_few_steps_apart() -> None:
    assert near([SizedSweep(sweep(rising()), LARGE - 1)], "dssim") == {}
    perfect = sweep(rising(), np.full(100, 1e-6))
    assert near([SizedSweep(perfect, LARGE)], "dssim") == {}


def test_formats_are_learned_jointly_from_labels_that_few_samples_have(tmp_path: Path) -> None:
    corpus, sweeps, out = (tmp_path / name for name in ("corpus", "sweeps", "out"))
    crops(corpus, LEAST_ROWS + 4, 40)
    labelled = labelling(corpus, sweeps, "--qualities", "some")
    command = learning("formats", corpus, sweeps, out, "--settings", "jpeg,webp,webp-lossless")
    assert run(*labelled, "--settings", "jpeg,webp-lossless").exit_code == 0
    refused = run(*command)
    assert refused.exit_code == 1
    assert "0 samples of this corpus are labelled by webp" in refused.output
    assert run(*labelled, "--settings", "webp", "--first", str(LEAST_ROWS)).exit_code == 0
    done = run(*command)
    assert done.exit_code == 0, done.output
    found = json.loads((out / "formats.json").read_text())
    assert [found["settings"][one]["samples"] for one in ("jpeg", "webp", "webp-lossless")] == [
        *(LEAST_ROWS + 4, LEAST_ROWS, LEAST_ROWS + 4)
    ]
    data = Learned.of(found)
    assert data.covariance.shape == (15, 15)  # 7 scores twice, and one size
    assert np.linalg.eigvalsh(data.covariance).min() > 0
    ratios = []
    for pixels in map(decode, corpus.iterdir()):
        beliefs = SizeBeliefs(
            [JpegEncoder(), WebpEncoder()],
            pixels.width * pixels.height,
            all_features(pixels),
            data=data,
        )
        size = len(JpegEncoder().encode(pixels, 60))
        ratios.append(beliefs.bytes_at(JpegEncoder(), 70) / size)
    assert 0.5 < np.median(ratios) < 2.5


def test_a_score_out_of_reach_looks_expensive() -> None:
    scores = np.linspace(10, 75, SOME_SIZE)
    sizes = np.exp(np.linspace(-3, 0, SOME_SIZE))
    found = payloads(
        Sweep(np.arange(SOME_SIZE), {"ssimulacra2": scores, "dssim": scores}, sizes), "webp", 10**6
    )
    assert (np.diff(found) > 0).all()
    assert found[-1] > 1.2  # score 90, where no quality has more than 75
