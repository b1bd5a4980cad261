"""The longest searches are listed with the reasons for their length."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from autoquality_core.pipeline.defaults import Defaults
from autoquality_core.pipeline.pipeline import Pipeline
from autoquality_core.priors import size_prior
from autoquality_core.priors.features import luma_features, with_chroma
from autoquality_core.types import Method
from autoquality_train.labels.sweeps import SETTINGS
from bench.compare.subject import LIMITS
from bench.record import read
from bench.worst import __main__ as worst
from bench.worst import run, summary
from bench.worst.causes import Cause, causes
from bench.worst.facts import Search, Try, search_of
from bench.worst.why import why
from tests.photos import crop
from tests.repo.bench.conftest import Refusal


def search(
    tries: Sequence[tuple[int, int] | tuple[int, int, float]],
    answer: int,
    target: float,
    outcome: str = "target_met",
    setting: str = "jpeg",
    image: str = "a.png",
) -> Search:
    """A search by size if the tries have no score, and by SSIMULACRA2 if the target is above 1."""
    made = tuple(Try(one[0], one[1], one[2] if len(one) == 3 else None) for one in tries)
    by_score = "dssim" if target < 1 else "ssimulacra2"
    method = "size" if made[0].score is None else by_score
    return Search(
        image, 0.5, method, setting, target, 0.001, 10, 95, made, answer, outcome,
        expected=target, doubt=0.1, allowance=0.01, known_by="sketch",
    )  # fmt: skip


def test_a_record_has_every_search_and_its_parts_add_up(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    images = tmp_path / "images"
    for kind, name in (("one", "coffee.png"), ("two", "astronaut.png")):
        (images / kind).mkdir(parents=True)
        (images / kind / "same.png").write_bytes(crop(name, 96, 64))
    few = ["--settings", "jpeg", "avif", "--networks", "none", "--megapixels", "0.004"]
    folder = tmp_path / "results"
    assert worst.main([str(images), *few, "--results", str(folder)]) == 0
    said = capsys.readouterr().out
    (file,) = folder.iterdir()
    record = read(file)
    searches = [search_of(note) for note in record.notes]
    assert {one.image for one in searches} == {"one/same.png", "two/same.png"}
    assert len(searches) == 12 and all(0.003 < one.megapixels <= 0.004 for one in searches)
    for method in ("size", "dssim", "ssimulacra2"):
        for setting, number in (("jpeg", 2), ("avif", 2), ("all", 4)):
            named = {"by": method, "setting": setting}
            assert sum(one.value for one in record.find(what="images", **named)) == number
            mean = record.one(what="encodings", goal="mean", **named)
            assert mean is not None
            parts = [one.value for one in record.find(what="encodings for", **named)]
            assert sum(parts) == pytest.approx(mean.value, abs=1e-3)
            tries = [
                len(one.tries)
                for one in searches
                if one.method == method and setting in (one.setting, "all")
            ]
            assert mean.value == pytest.approx(sum(tries) / number, abs=1e-3)
    assert "| one/same.png | " in said and "without networks" in said


def test_a_search_is_described_as_it_ran(tmp_path: Path) -> None:
    path = tmp_path / "coffee.png"
    path.write_bytes(crop("coffee.png", 160, 120))
    picture = run.middle(path, 1.0)
    encoder = SETTINGS["webp"]
    found = run.one_search(
        Pipeline(Defaults(), LIMITS), picture, Method.SIZE, "webp", run.Plan(budget=65)
    )
    for one in found.tries:
        assert one.size == len(encoder.encode(picture.pixels, one.quality))
    answer = found.find(found.answer)
    assert answer is not None and found.tries[answer].size <= found.target
    assert found.known_by in ("encoder", "sketch")
    seen = None
    if found.known_by == "sketch":
        seen = with_chroma(luma_features(picture.pixels), picture.pixels)
    prior = size_prior(encoder, 160 * 120, seen)
    believed = float(np.exp(prior.mean[found.tries[0].quality - 1])) * 160 * 120
    assert found.expected == pytest.approx(believed)
    assert search_of(found.note()) == found


def test_a_budget_needs_the_answer_and_a_proof() -> None:
    one = search([(60, 900), (66, 1004), (65, 990)], 65, 1000.0)
    assert causes(one) == [Cause.FIRST, Cause.PROOF, Cause.ANSWER]
    said = why(one)
    assert said[0] == (
        "first guess 60 off by −5: the image features predicted 1,000 B, measured 900 B "
        "(−10 %, 1.1 standard deviations)"
    )
    assert "proof that 66 does not fit (+0.4 %)" in said


def test_encodings_after_the_proof_check_that_the_curve_is_monotonic() -> None:
    one = search([(65, 990), (66, 1004), (67, 1003), (63, 980)], 65, 1000.0)
    assert causes(one) == [Cause.ANSWER, Cause.PROOF, Cause.FALLS, Cause.FALLS]
    assert why(one) == [
        "first guess right",
        "proof that 66 does not fit (+0.4 %)",
        "67, 63 to check for a non-monotonic curve (allowed: 1.0 %)",
        "the curve is not monotonic: 1,004 B at 66, 1,003 B at 67",
    ]


def test_a_dssim_between_two_qualities_is_proved_by_both() -> None:
    tries = [(70, 900, 0.0225), (74, 990, 0.0182), (72, 950, 0.0186), (71, 930, 0.0223)]
    one = search(tries, 72, 0.02, "nearest_quality")
    assert causes(one) == [Cause.FIRST, Cause.LATER, Cause.ANSWER, Cause.PROOF]
    said = why(one)
    assert "next guess off by +2" in said
    assert (
        "target between two qualities: from 71 to 72 the DSSIM goes from 0.0223 to 0.0186" in said
    )


def test_a_score_of_which_more_is_better_is_judged_by_its_distance_to_the_best() -> None:
    tries = [(40, 900, 55.0), (60, 990, 68.0), (62, 950, 71.2), (61, 940, 68.7)]
    one = replace(search(tries, 62, 70.0, "nearest_quality"), expected=70.0)
    assert causes(one) == [Cause.FIRST, Cause.LATER, Cause.ANSWER, Cause.PROOF]
    assert why(one)[0] == (
        "first guess 40 off by −22: the image features predicted 70.0, measured 55.0 "
        "(+50 % of the distance to 100, 4.1 standard deviations)"
    )
    assert (
        "target between two qualities: from 61 to 62 the SSIMULACRA2 goes from 68.7 to 71.2"
        in why(one)
    )
    assert not any("monotonic" in reason for reason in why(one))


def test_an_answer_with_full_chroma_is_the_last_try_at_its_quality() -> None:
    one = search([(65, 900, 58.0), (90, 990, 86.0), (65, 960, 70.4)], 65, 70.0)
    assert one.find(65) == 2


def test_a_curve_that_falls_at_the_answer_proves_nothing() -> None:
    tries = [(60, 900, 0.0225), (61, 990, 0.0282), (62, 950, 0.0140)]
    one = search(tries, 60, 0.02, "nearest_quality")
    assert causes(one) == [Cause.ANSWER, Cause.FALLS, Cause.FALLS]
    assert "no quality is close enough: 60 is nearest, 0.0225" in why(one)


def test_a_curve_that_hardly_changes_is_flat() -> None:
    one = search([(20, 990), (80, 1002), (60, 999), (61, 1001), (90, 1500)], 60, 1000.0)
    assert "the curve is flat: from 20 to 80 it changes by 1.2 %" in why(one)
    steep = search([(55, 900), (60, 999), (61, 1001)], 60, 1000.0)
    assert not any("flat" in reason for reason in why(steep))


def test_a_target_out_of_range_is_reported_with_the_bound() -> None:
    one = search([(90, 900, 0.031), (95, 990, 0.025)], 95, 0.02, "max_quality_reached")
    assert causes(one) == [Cause.FIRST, Cause.ANSWER]
    assert "target out of range: 0.0250 at 95, the highest quality" in why(one)


def test_an_equivalent_quality_is_no_wrong_guess() -> None:
    base = search([(60, 900)], 60, 1000.0, setting="avif")
    other = next(quality for quality in range(11, 95) if base.equivalent(quality, quality + 1))
    one = search([(other, 900)], other + 1, 1000.0, setting="avif")
    assert one.off(other) == 0 and why(one)[0] == "first guess right"


def test_the_worst_images_have_the_most_encodings() -> None:
    long = [(60 + at, 900 + 20 * at) for at in range(6)]
    searches = [
        *(search(long[:3], 62, 950.0, setting=setting, image="hard.png") for setting in SETTINGS),
        search(long, 65, 1000.0, image="once.png"),
        *(
            search(long[:1], 60, 950.0, setting=setting, image="once.png")
            for setting in SETTINGS
            if setting != "jpeg"
        ),
    ]
    assert summary.worst_images(searches) == ["hard.png", "once.png"]
    counted = {
        one.goal: one.value
        for one in summary.measures(searches)
        if (one.what, one.setting) == ("images", "jpeg")
    }
    assert counted["3 encodings"] == counted["6 encodings"] == 1 and sum(counted.values()) == 2


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ([], "give images or --quick"),
        (["--quick", "--every", "0"], "--every"),
        (["--quick", "--megapixels", "0"], "--megapixels"),
        (["empty"], "no images among the arguments"),
        (["broken.png", "--networks", "none"], "broken.png"),
    ],
)
def test_a_wrong_argument_is_refused_by_its_name(
    refusal: Refusal, arguments: list[str], field: str
) -> None:
    assert field in refusal(worst.main, arguments)
