"""What a near-lossless file saves is counted against files that meet the target."""

from __future__ import annotations

import pytest

from bench.near_lossless import Case


def case(near: int | None, *, lossy_meets: bool = True) -> Case:
    """A lossless file of 1000 bytes and a lossy one of 500; an answer of 450, earlier of 500."""
    return Case(
        "graphics", 85.0, 1000, 1000.0, 500, lossy_meets, near, 450, near is not None, 500, 1.5
    )


@pytest.mark.parametrize(
    ("one", "saved"),
    [
        (case(400), 0.2),
        (case(400, lossy_meets=False), 0.6),
        (case(800, lossy_meets=False), 0.2),
        (case(800), 0.0),
        (case(None), 0.0),
    ],
)
def test_a_saving_is_the_share_of_the_better_other_file(one: Case, saved: float) -> None:
    assert one.saved == pytest.approx(saved)


def test_the_saving_of_an_answer_is_that_over_the_earlier_answer() -> None:
    assert case(400).saved_by_choice == pytest.approx(0.1)
