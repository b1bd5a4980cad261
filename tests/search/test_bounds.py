"""What probes rule out: all that a nearly monotone curve cannot do, and no more."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autoquality_server.search.bounds import Bounds

ALLOWANCE = 0.25
steps = st.lists(st.sampled_from([0.0, 0.0, 0.1, 0.5]), min_size=20, max_size=20)
dips = st.lists(st.sampled_from([0.0, 0.0, ALLOWANCE]), min_size=20, max_size=20)
tried = st.sets(st.integers(1, 20), min_size=1, max_size=6)


@settings(max_examples=300, deadline=None)
@given(steps, dips, tried)
def test_a_curve_within_the_allowance_lies_within_its_bounds(
    rise: list[float], dip: list[float], qualities: set[int]
) -> None:
    curve = np.cumsum(rise) - np.array(dip)
    bounds = Bounds(1, 20, ALLOWANCE)
    for quality in qualities:
        bounds.add(quality, float(curve[quality - 1]))
    lower, upper = bounds.interval()
    assert (lower <= curve + 1e-9).all() and (curve <= upper + 1e-9).all()


def test_one_probe_bounds_each_side_by_the_allowance() -> None:
    bounds = Bounds(1, 5, ALLOWANCE)
    bounds.add(3, 7.0)
    lower, upper = bounds.interval()
    assert list(lower) == [-np.inf, -np.inf, 7.0, 7 - ALLOWANCE, 7 - ALLOWANCE]
    assert list(upper) == [7 + ALLOWANCE, 7 + ALLOWANCE, 7.0, np.inf, np.inf]
    assert list(bounds.unprobed()) == [True, True, False, True, True]


def test_a_fall_beyond_the_allowance_widens_it_to_twice_what_was_seen() -> None:
    bounds = Bounds(1, 5, ALLOWANCE)
    bounds.add(2, 7.0)
    bounds.add(4, 6.7)
    assert bounds.allowance == pytest.approx(0.6)
