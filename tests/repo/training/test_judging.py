"""Judging on made curves, compared with results by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from autoquality_core.metrics import DSSIM, SSIMULACRA2
from autoquality_core.networks import Prediction
from autoquality_core.search import ScoreGoal
from autoquality_core.types import Method, ResolvedTarget
from autoquality_train.judging.calibration import (
    expected_error,
    mass_within,
    reliability,
    transform,
)
from autoquality_train.judging.cases import Case, case
from autoquality_train.judging.searches import (
    bisection,
    first_guess_search,
    ml_search,
    prior_search,
    secant,
)
from autoquality_train.judging.summary import (
    calibration,
    groups,
    kinds_in_words,
    spread,
    summarise,
)
from autoquality_train.judging.swept import miss
from autoquality_train.judging.verdict import KEEP, UNDECIDED, USE, verdict
from tests.networks import peak_at
from tests.repo.training.helpers import line, swept

GOAL = ScoreGoal(DSSIM, 0.02, 0.001)
RESOLVED = ResolvedTarget(Method.DSSIM, 0.02, 10, 95, 0.001)


def predicting(quality: int) -> Prediction:
    """A prediction that is almost certain of one quality."""
    return Prediction.from_logits(peak_at(quality, 40.0))


def test_the_right_quality_is_the_one_nearest_to_the_target() -> None:
    assert swept(line()).right_qualities(0.02, 10, 95).tolist() == [61]
    assert swept(line()).right_qualities(0.0202, 10, 95).tolist() == [61]


def test_a_bound_is_right_if_the_whole_range_lies_on_one_side() -> None:
    assert swept(line()).right_qualities(0.02, 70, 80).tolist() == [70]
    assert swept(line()).right_qualities(0.02, 10, 50).tolist() == [50]


def test_qualities_of_the_same_dssim_are_right_together() -> None:
    steps = line()[(np.arange(100) // 2) * 2]
    right = swept(steps).right_qualities(0.02, 10, 95)
    assert right.tolist() == [61, 62]
    assert [miss(quality, right) for quality in (58, 61, 62, 65)] == [-3, 0, 0, 3]


def test_a_target_is_reachable_if_any_quality_in_range_is_close_enough() -> None:
    made = swept(line())
    assert made.reachable(0.02, 0.001, 63, 80)  # 0.019 at 63
    assert not made.reachable(0.02, 0.001, 64, 80)


def test_a_right_first_guess_takes_one_encoding() -> None:
    made = swept(line())
    for search in (ml_search, first_guess_search):
        found = search(made, RESOLVED, predicting(61))
        assert (found.quality, found.iterations) == (61, 1)


def test_every_search_meets_the_target_on_a_smooth_curve() -> None:
    made = swept(line())
    for found in (
        ml_search(made, RESOLVED, predicting(40)),
        first_guess_search(made, RESOLVED, predicting(40)),
        prior_search(made, RESOLVED),
        secant(GOAL, 10, 95, made.observation),
        bisection(GOAL, 10, 95, made.observation),
    ):
        assert 59 <= found.quality <= 63
        assert found.iterations >= 2 or found.quality == 52


def test_bisection_halves_the_open_range() -> None:
    # 52 (too low), 74 (too high), 63: good enough.
    found = bisection(GOAL, 10, 95, swept(line()).observation)
    assert (found.quality, found.iterations) == (63, 3)


def test_the_secant_follows_the_line_through_the_latest_probes() -> None:
    curve = np.exp(-0.045 * np.arange(1, 101)) / 2  # of just the usual slope
    found = secant(GOAL, 10, 95, swept(curve).observation)
    assert found.iterations == 2


@pytest.mark.parametrize("search", [secant, bisection])
def test_the_nearest_quality_is_the_answer_if_none_is_good_enough(search) -> None:
    coarse = np.where(np.arange(1, 101) < 50, 0.03, 0.012)
    found = search(GOAL, 10, 95, swept(coarse).observation)
    assert found.quality >= 50
    one_side = search(ScoreGoal(DSSIM, 0.001, 0.0001), 10, 95, swept(line()).observation)
    assert one_side.quality == 95


def test_a_case_has_misses_first_guesses_and_reachability() -> None:
    found = case(swept(line()), 0.02, predicting(65))
    assert (found.predicted, found.miss) == (65, 4)
    assert (found.wide.right, found.wide.guess, found.wide.miss) == (61, 65, 4)
    assert found.wide.guess_score == pytest.approx(0.018)
    tight, loose = found.wide.goals
    assert (tight.error, tight.reachable, tight.met_by_guess) == (0.001, True, False)
    assert (loose.error, loose.reachable, loose.met_by_guess) == (0.002, True, True)
    assert loose.iterations["network"] == 1
    # 70 to 80, the default: all better than the target.
    assert (found.usual.low, found.usual.high) == (70, 80)
    assert (found.usual.right, found.usual.guess, found.usual.miss) == (70, 70, 0)
    assert not found.usual.goals[0].reachable


def test_a_case_of_another_metric_has_its_own_errors_and_scores() -> None:
    scores = 50 + 0.45 * np.arange(1, 101)  # 70 at quality 44 or 45
    found = case(swept(scores, metric=SSIMULACRA2), 70.0, predicting(47))
    assert (found.wide.right, found.wide.guess, found.wide.miss) == (44, 47, 3)
    assert (found.wide.right_score, found.wide.guess_score) == pytest.approx((69.8, 71.15))
    tight, loose = found.wide.goals
    assert (tight.error, tight.reachable, tight.met_by_guess) == (1.0, True, False)
    assert (loose.error, loose.met_by_guess) == (2.0, True)
    assert loose.iterations["network"] == 1
    assert all(42 <= quality <= 47 for quality in tight.quality.values())


def test_unreachable_targets_are_counted_separately() -> None:
    cases = [case(swept(line()), 0.02, predicting(quality)) for quality in (61, 64, 90)]
    numbers = summarise(cases)["ranges"]
    wide = numbers["wide"]["goals"]["0.001"]
    assert (wide["reachable"], wide["unreachable"]) == (3, 0)
    assert wide["met_by_first_guess"] == pytest.approx(1 / 3)
    assert wide["unreachable_right_at_first_guess"] is None
    narrow = numbers["default"]["goals"]["0.001"]
    assert (narrow["reachable"], narrow["unreachable"]) == (0, 3)
    assert narrow["met_by_first_guess"] is None
    assert narrow["unreachable_right_at_first_guess"] == pytest.approx(2 / 3)
    misses = numbers["wide"]["miss"]
    assert (misses["lowest"], misses["highest"], misses["median"]) == (0, 29, 3)
    assert misses["signed_mean"] == pytest.approx(32 / 3)
    assert misses["within"] == pytest.approx({"0": 1 / 3, "1": 1 / 3, "2": 1 / 3, "5": 2 / 3})


def test_a_spread_consists_of_values_that_occur() -> None:
    found = spread([1, 1, 2, 3] * 24 + [9, 10, 11, 12])
    assert found == {"mean": pytest.approx(2.1), "median": 2, "p95": 3, "worst": 12}


def test_groups_separate_photographs_and_repeat_nothing() -> None:
    def one(kind: str):
        return case(swept(line(), kind=kind), 0.02, predicting(61))

    three = [one("cid22-val"), one("screens"), one("maps")]
    assert {name: len(some) for name, some in groups(three, ("cid22*",)).items()} == {
        "all": 3,
        "photographs": 1,
        "graphics": 2,
        "folder maps": 1,
        "folder screens": 1,
    }
    assert list(groups([one("cid22-val")], ("cid22*",))) == ["all"]


def test_without_a_known_folder_of_photographs_nothing_is_separated() -> None:
    cases = [case(swept(line(), kind=kind), 0.02, predicting(61)) for kind in ("mine", "holiday")]
    assert list(groups(cases, ("photo*",))) == ["all", "folder holiday", "folder mine"]
    assert kinds_in_words(cases, ("photo*",)) == (
        "No folder is known to hold photographs: holiday (1), mine (1). The names of folders decide"
        " (photo*); --photographs sets them."
    )
    assert kinds_in_words(cases, ("holi*",)).startswith(
        "Counted as photographs: holiday (1). Counted as graphics: mine (1)."
    )


def images_of(quality: int, count: int) -> list[Case]:
    """Cases of a network that predicts `quality`, for several images."""
    one = case(swept(line()), 0.02, predicting(quality))
    return [replace(one, image=f"{number}.png") for number in range(count)]


def test_the_verdict_is_use_it_only_if_clearly_fewer_encodings_are_needed() -> None:
    exact, poor = images_of(61, 30), images_of(20, 30)
    better = verdict(exact, poor, quick=False)
    assert (better.decision, better.images, better.encodings) == (USE, 30, 1)
    assert better.why.startswith(f"1.00 encodings a request instead of {better.bundled:.2f}")
    worse = verdict(poor, exact, quick=False)
    assert (worse.decision, worse.bundled) == (KEEP, 1)
    mixed = exact[:15] + poor[15:], poor[:15] + exact[15:]
    chance = verdict(*mixed, quick=False)
    assert (chance.decision, chance.why.partition(":")[0]) == (KEEP, "no clear gain")
    assert chance.margin > 0
    assert verdict(exact, poor, quick=True).decision == KEEP


def test_there_is_no_verdict_for_few_images() -> None:
    found = verdict(images_of(61, 29), images_of(20, 29), quick=False)
    assert (found.decision, found.why) == (
        UNDECIDED,
        "29 judged images are too few: judge at least 30",
    )


def test_mass_and_transform_are_those_of_the_distribution() -> None:
    even = np.full(100, 0.01)
    assert mass_within(even, 50, 2) == pytest.approx(0.05)
    assert mass_within(even, 1, 2) == pytest.approx(0.03)
    assert mass_within(even, 100, 0) == pytest.approx(0.01)
    assert transform(even, np.array([1])) == pytest.approx(0.005)
    assert transform(even, np.array([50, 51])) == pytest.approx(0.5)
    assert transform(even, np.array([100])) == pytest.approx(0.995)


def test_reliability_compares_confidence_with_hits_bin_by_bin() -> None:
    bins = reliability([0.61, 0.65, 0.62, 0.68, 0.95, 1.0], [True, False, True, True, True, True])
    assert [one["count"] for one in bins] == [4, 2]
    assert bins[0]["confidence"] == pytest.approx(0.64)
    assert (bins[0]["hits"], bins[1]["hits"]) == (0.75, 1.0)
    assert expected_error(bins) == pytest.approx((4 * 0.11 + 2 * 0.025) / 6)


def test_a_network_that_is_certain_and_wrong_is_not_calibrated() -> None:
    wrong = calibration([case(swept(line()), 0.02, predicting(90)) for _ in range(4)])
    right = calibration([case(swept(line()), 0.02, predicting(61)) for _ in range(4)])
    assert wrong["hits"]["within 2"]["expected_error"] == pytest.approx(1.0)
    assert right["hits"]["within 2"]["expected_error"] == pytest.approx(0.0, abs=1e-6)
    assert wrong["transform"][0] == 4
