"""The savings and the choice among formats are computed from answers as the documents say."""

from __future__ import annotations

import numpy as np
import pytest

from autoquality_core.types import Format
from bench.formats import Answer as FormatAnswer
from bench.formats import Case
from bench.formats import measures_of as format_measures
from bench.record import Measure, latest, record_of
from bench.savings import BEST, FIXED, FLOORS, IMGPROXY, Answer, Curves, measures_of, page
from bench.targets import GRAPHICS, PHOTOGRAPHS
from tests.commands import ROOT

QUALITIES = np.arange(1, 101)


def image(name: str, kind: str, first: float, answer: Answer, fmt: str = "jpeg") -> Curves:
    """An image of 100 bytes a quality that scores `first` plus its quality, at most 100."""
    answers = dict.fromkeys(FLOORS, answer) | {IMGPROXY: Answer(8000, 72.0)}
    scores = np.minimum(first + QUALITIES, 100.0)
    return Curves(name, kind, fmt, 100.0 * QUALITIES, scores, answers)


@pytest.fixture(scope="module")
def measures() -> list[Measure]:
    # At "high", the easy image needs quality 40 and the hard one quality 80.
    easy = image("easy", PHOTOGRAPHS, 30.0, Answer(4000, 70.0))
    hard = image("hard", GRAPHICS, -10.0, Answer(8000, 70.0))
    return list(measures_of([easy, hard]))


def found(measures: list[Measure], what: str, by: str, goal: str = "all images") -> float:
    (one,) = (
        one
        for one in measures
        if (one.what, one.by, one.goal, one.setting) == (what, by, goal, "jpeg, high")
    )
    return one.value


def test_the_fixed_quality_is_that_of_the_hardest_image(measures: list[Measure]) -> None:
    assert found(measures, "quality", FIXED) == 80
    assert found(measures, "bytes over", FIXED) == 12_000 / 16_000
    assert found(measures, "bytes over", IMGPROXY) == 12_000 / 16_000
    assert found(measures, "quality", FIXED, PHOTOGRAPHS) == 40
    assert found(measures, "bytes over", FIXED, PHOTOGRAPHS) == 1


def test_the_fixed_quality_may_miss_as_many_images_as_we_do() -> None:
    missed = image("hard", GRAPHICS, -10.0, Answer(9000, 69.0))
    easy = image("easy", PHOTOGRAPHS, 30.0, Answer(4000, 70.0))
    measures = list(measures_of([easy, missed]))
    assert found(measures, "quality", FIXED) == 40
    assert found(measures, "share at the floor", "AutoQuality") == 0.5


def test_the_page_has_a_row_for_each_format_and_floor(measures: list[Measure]) -> None:
    best = image("easy", PHOTOGRAPHS, 30.0, Answer(1000, 70.0), BEST)
    text = page(record_of("savings", [*measures, *measures_of([best])], {"images": 3}))
    assert "| jpeg | high 70 | 2 all images | 100% | 0.75 (at 80) | 0.75 (100% reach it) |" in text
    assert f"| {BEST} | high 70 | 1 all images |" in text


def test_the_readme_quotes_the_newest_record() -> None:
    record = latest("savings", ROOT / "bench" / "results")
    assert record is not None
    ratios = {
        one.setting.partition(",")[0]: round(100 * (1 - one.value))
        for one in record.find(what="bytes over", by=FIXED, goal="all images")
        if one.setting.endswith(", high")
    }
    best = ratios.pop(BEST)
    text = " ".join((ROOT / "README.md").read_text().split())
    assert (
        f"[{min(ratios.values())} to {max(ratios.values())} % fewer bytes](docs/savings.md)" in text
    )
    assert f"and {best} % fewer than fixed-quality JPEG" in text


def answer(size: int, score: float, *, met: bool = True, seconds: float = 1.0) -> FormatAnswer:
    return FormatAnswer(Format.JPEG, size, score, met, seconds, 2)


@pytest.mark.parametrize(
    ("budget", "thorough", "loss"),
    [(None, 1000, 0.1), (None, 880, 0.25), (2000, 1000, 0.0)],
)
def test_a_loss_is_the_distance_to_the_best_answer_that_meets_the_goal(
    budget: int | None, thorough: int, loss: float
) -> None:
    alone = {
        Format.JPEG: answer(1100, 71.0),
        Format.WEBP: answer(1000, 70.0),
        Format.AVIF: answer(500, 40.0, met=False),
        Format.JXL: answer(1200, 69.5, seconds=4.0),
    }
    chosen, best = answer(1100, 71.0), answer(thorough, 70.0)
    case = Case("one", PHOTOGRAPHS, "high", "plain JPEG", budget, alone, chosen, best)
    (measured,) = (
        one
        for one in format_measures([case])
        if (one.what, one.by, one.goal) == ("loss", "the choice", "high, all")
    )
    assert measured.value == pytest.approx(loss, abs=1e-6)
    (time,) = (
        one
        for one in format_measures([case])
        if (one.what, one.by, one.goal) == ("time", "everything", "high, all")
    )
    assert time.value == 7.0
