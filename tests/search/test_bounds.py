"""What probes rule out: all that a nearly monotone curve cannot do, and no more."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autoquality_core.search.bounds import Bounds, Roughness

ALLOWANCE = 0.25
steps = st.lists(st.sampled_from([0.0, 0.0, 0.1, 0.5]), min_size=20, max_size=20)
dips = st.lists(st.sampled_from([0.0, 0.0, ALLOWANCE]), min_size=20, max_size=20)
tried = st.sets(st.integers(1, 20), min_size=1, max_size=6)


@settings(max_examples=60, deadline=None)
@given(steps, dips, tried)
def test_a_curve_within_the_allowance_lies_within_its_bounds(
    rise: list[float], dip: list[float], qualities: set[int]
) -> None:
    curve = np.cumsum(rise) - np.array(dip)
    bounds = Bounds(1, 20, Roughness(ALLOWANCE))
    for quality in qualities:
        bounds.add(quality, float(curve[quality - 1]))
    lower, upper = bounds.interval()
    assert (lower <= curve + 1e-9).all() and (curve <= upper + 1e-9).all()


def test_one_probe_bounds_each_side_by_the_allowance() -> None:
    bounds = Bounds(1, 5, Roughness(ALLOWANCE))
    bounds.add(3, 7.0)
    lower, upper = bounds.interval()
    assert list(lower) == [-np.inf, -np.inf, 7.0, 7 - ALLOWANCE, 7 - ALLOWANCE]
    assert list(upper) == [7 + ALLOWANCE, 7 + ALLOWANCE, 7.0, np.inf, np.inf]
    assert list(bounds.unprobed()) == [True, True, False, True, True]


def test_a_fall_beyond_the_allowance_widens_it_to_twice_what_was_seen() -> None:
    bounds = Bounds(1, 5, Roughness(ALLOWANCE))
    bounds.add(2, 7.0)
    bounds.add(4, 6.7)
    assert bounds.allowance == pytest.approx(0.6)


def test_the_allowance_is_widened_fourfold_at_most() -> None:
    bounds = Bounds(1, 5, Roughness(ALLOWANCE))
    bounds.add(2, 7.0)
    bounds.add(4, 5.0)
    assert bounds.allowance == 1.0


@settings(max_examples=60, deadline=None)
@given(steps, dips, tried, st.integers(2, 20), st.floats(0.3, 2.0))
def test_a_curve_with_a_break_lies_within_its_bounds(
    rise: list[float], dip: list[float], qualities: set[int], at: int, drop: float
) -> None:
    curve = np.cumsum(rise) - np.array(dip)
    curve[at - 1 :] -= drop
    rough = Roughness(ALLOWANCE, across=ALLOWANCE + drop, breaks=(at,))
    bounds = Bounds(1, 20, rough)
    for quality in qualities:
        bounds.add(quality, float(curve[quality - 1]))
    lower, upper = bounds.interval()
    assert (lower <= curve + 1e-9).all() and (curve <= upper + 1e-9).all()


def test_a_probe_says_less_about_the_other_side_of_a_break() -> None:
    bounds = Bounds(1, 5, Roughness(ALLOWANCE, across=2.0, breaks=(4,)))
    bounds.add(2, 7.0)
    lower, upper = bounds.interval()
    assert list(lower) == [-np.inf, 7.0, 7 - ALLOWANCE, 5.0, 5.0]
    assert list(upper)[:2] == [7 + ALLOWANCE, 7.0]


def test_the_fall_at_a_break_does_not_widen_the_allowance_of_its_parts() -> None:
    bounds = Bounds(1, 6, Roughness(ALLOWANCE, across=2.0, breaks=(4,)))
    bounds.add(3, 7.0)
    bounds.add(4, 5.5)
    assert bounds.allowance == ALLOWANCE
    lower, upper = bounds.interval()
    assert list(lower) == [-np.inf, -np.inf, 7.0, 5.5, 5.25, 5.25]
    assert list(upper) == [7.25, 7.25, 7.0, 5.5, np.inf, np.inf]
    bounds.add(6, 5.0)
    assert bounds.allowance == 1.0


def test_breaks_outside_of_the_range_do_not_count() -> None:
    bounds = Bounds(11, 13, Roughness(ALLOWANCE, across=2.0, breaks=(5, 11, 13, 14, 20)))
    bounds.add(11, 7.0)
    assert list(bounds.interval().lower) == [7.0, 7 - ALLOWANCE, 5.0]


def test_qualities_farther_apart_have_allowances_of_their_own() -> None:
    bounds = Bounds(1, 5, Roughness(ALLOWANCE, ALLOWANCE, near=(0.1, 0.0, -0.2)))
    bounds.add(1, 7.0)
    lower, _ = bounds.interval()
    assert list(lower) == [7.0, 6.9, 7.0, 7.2, 7.2]
    assert list(bounds.interval(crossed=True).lower) == [7.0, *[7 - ALLOWANCE] * 4]
    bounds = Bounds(1, 5, Roughness(ALLOWANCE, ALLOWANCE, near=(0.1, 0.0, -0.2)))
    bounds.add(5, 7.0)
    _, upper = bounds.interval()
    assert list(upper) == [6.8, 6.8, 7.0, 7.1, 7.0]


def test_a_margin_widens_the_allowances_by_distance_once_the_target_lies_between_probes() -> None:
    rough = Roughness(ALLOWANCE, ALLOWANCE, near=(0.1, 0.0, -0.2), margin=0.05)
    bounds = Bounds(1, 5, rough)
    bounds.add(1, 7.0)
    assert list(bounds.interval().lower) == pytest.approx([7.0, 6.9, 7.0, 7.2, 7.2])
    expected = [7.0, 6.85, 6.95, 7.15, 7.15]
    assert list(bounds.interval(crossed=True).lower) == pytest.approx(expected)


def test_a_probe_that_breaks_the_allowances_by_distance_puts_them_aside() -> None:
    bounds = Bounds(1, 5, Roughness(ALLOWANCE, ALLOWANCE, near=(0.1, 0.0, -0.2)))
    bounds.add(1, 7.0)
    bounds.add(3, 6.85)
    assert bounds.interval()[0][4] == pytest.approx(7 - 2 * 0.15)


def test_a_smooth_part_falls_less_than_the_rest() -> None:
    rough = Roughness(ALLOWANCE, across=2.0, breaks=(5,), smooth=0.1, smooth_from=3)
    bounds = Bounds(1, 6, rough)
    bounds.add(1, 7.0)
    bounds.add(3, 8.0)
    assert list(bounds.interval().lower) == [7.0, 7 - ALLOWANCE, 8.0, 7.9, 6.0, 6.0]
    bounds.add(4, 7.85)
    bounds.add(5, 9.0)
    assert bounds.interval().lower[5] == pytest.approx(8.9)
    assert bounds.interval().upper[2:5] == pytest.approx([8.0, 7.85, 9.0])


def test_a_range_that_begins_in_the_smooth_part_is_smooth() -> None:
    bounds = Bounds(5, 7, Roughness(ALLOWANCE, smooth=0.1, smooth_from=3))
    bounds.add(5, 7.0)
    assert list(bounds.interval().lower) == [7.0, 6.9, 6.9]
    assert Bounds(1, 2, Roughness(ALLOWANCE, smooth=0.1, smooth_from=3)).interval().lower.size == 2
