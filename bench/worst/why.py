"""Explains the number of encodings of a search."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import combinations

from autoquality_core.types import Outcome
from bench.worst.causes import Cause, causes, proof_of
from bench.worst.facts import Search, Try

KNOWN_BY = {
    "encoder": "the encoder's usual curve",
    "sketch": "the image features",
    "network": "the network",
}
BOUNDS = {
    Outcome.MIN_QUALITY_REACHED.value: "lowest",
    Outcome.MAX_QUALITY_REACHED.value: "highest",
}


LEAST_STEP = 0.0005
"""A curve with a smaller relative change for each quality does not show where to search."""

FLAT, FAR = 0.05, 10
"""A curve is flat if its relative change is smaller over at least so many qualities."""


def why(search: Search) -> list[str]:
    """All reasons, in the order of the search."""
    return [
        *_first_guess(search),
        *_later_guesses(search),
        *_proof(search),
        *_outside(search),
        *_checks(search),
        *_falls(search),
        *_flat(search),
    ]


def value(search: Search, number: float) -> str:
    """Bytes or a score as text, depending on the target."""
    if search.metric is None:
        return f"{number:,.0f} B"
    return f"{number:.4f}" if search.metric.lower_is_better else f"{number:.1f}"


def _first_guess(search: Search) -> Iterator[str]:
    first = search.tries[0]
    off = search.off(first.quality)
    if not off:
        yield "first guess right"
        return
    reached = search.reached(first)
    part = search.amount(reached) / search.amount(search.expected)
    deviations = abs(math.log(part)) / search.doubt
    yield (
        f"first guess {first.quality} off by {_signed(off)}: {KNOWN_BY[search.known_by]} predicted "
        f"{value(search, search.expected)}, measured {value(search, reached)} "
        f"({_percent(part - 1)}{_of_what(search)}, {deviations:.1f} standard deviations)"
    )
    step = _step(search)
    if step is not None and abs(part - 1) > abs(step) >= LEAST_STEP:
        what = "bytes" if search.by_size else _name(search)
        change = f"{_percent(step)}{_of_what(search)}"
        yield f"at the answer, one quality step changes the {what} by {change}"


def _later_guesses(search: Search) -> Iterator[str]:
    found = zip(search.tries, causes(search), strict=True)
    later = [search.off(one.quality) for one, cause in found if cause is Cause.LATER]
    if later:
        guesses = "next guess" if len(later) == 1 else "next guesses"
        yield f"{guesses} off by {', '.join(map(_signed, later))}"


def _proof(search: Search) -> Iterator[str]:
    at, answer = proof_of(search), _answer(search)
    if at is None:
        if search.outcome == Outcome.NEAREST_QUALITY.value:
            reached = value(search, search.reached(answer))
            yield f"no quality is close enough: {answer.quality} is nearest, {reached}"
        return
    proof = search.tries[at]
    if search.by_size:
        over = _percent(proof.size / search.target - 1)
        yield f"proof that {proof.quality} does not fit ({over})"
    else:
        low, high = sorted((answer, proof), key=lambda one: one.quality)
        yield (
            f"target between two qualities: from {low.quality} to {high.quality} the "
            f"{_name(search)} goes from {value(search, search.reached(low))} to "
            f"{value(search, search.reached(high))}"
        )


def _outside(search: Search) -> Iterator[str]:
    bound = BOUNDS.get(search.outcome)
    if bound is not None:
        answer = _answer(search)
        yield (
            f"target out of range: {value(search, search.reached(answer))} "
            f"at {answer.quality}, the {bound} quality"
        )


def _checks(search: Search) -> Iterator[str]:
    found = zip(search.tries, causes(search), strict=True)
    more = [str(one.quality) for one, cause in found if cause is Cause.FALLS]
    if more:
        allowance = _percent(math.expm1(search.allowance)).lstrip("+")
        yield f"{', '.join(more)} to check for a non-monotonic curve (allowed: {allowance})"


def _falls(search: Search) -> Iterator[str]:
    """The pair of tries with the greatest fall."""
    sign = 1 if search.by_size else -1
    ordered = sorted(search.tries, key=lambda one: one.quality)
    falls = [
        (
            sign * math.log(_amount(search, low) / _amount(search, high)),
            low,
            high,
        )
        for low, high in combinations(ordered, 2)
    ]
    fall, low, high = max(falls, key=lambda one: one[0], default=(0.0, None, None))
    if fall > 0 and low is not None and high is not None:
        yield (
            f"the curve is not monotonic: {value(search, search.reached(low))} at {low.quality}, "
            f"{value(search, search.reached(high))} at {high.quality}"
        )


def _flat(search: Search) -> Iterator[str]:
    """The widest pair of tries with hardly any change between them."""
    ordered = sorted(search.tries, key=lambda one: one.quality)
    flat = [
        (high.quality - low.quality, low.quality, high.quality, spread)
        for low, high in combinations(ordered, 2)
        if (spread := _spread(search, low.quality, high.quality)) < FLAT
    ]
    apart, low, high, spread = max(flat, default=(0, 0, 0, 0.0))
    if apart >= FAR:
        part = _percent(spread).lstrip("+")
        yield f"the curve is flat: from {low} to {high} it changes by {part}"


def _spread(search: Search, low: int, high: int) -> float:
    """The largest relative difference between the tries from `low` to `high`."""
    amounts = [_amount(search, one) for one in search.tries if low <= one.quality <= high]
    return max(amounts) / min(amounts) - 1


def _step(search: Search) -> float | None:
    """The relative change a quality step, between the answer and the nearest other try."""
    answer = _answer(search)
    others = [one for one in search.tries if not search.equivalent(one.quality, search.answer)]
    if not others:
        return None
    near = min(others, key=lambda one: abs(one.quality - answer.quality))
    apart = near.quality - answer.quality
    return math.expm1(math.log(_amount(search, near) / _amount(search, answer)) / apart)


def _amount(search: Search, one: Try) -> float:
    return search.amount(search.reached(one))


def _name(search: Search) -> str:
    return search.method.upper()


def _of_what(search: Search) -> str:
    """What a percentage counts, if that is not the value itself."""
    metric = search.metric
    if metric is None or metric.lower_is_better:
        return ""
    return f" of the distance to {metric.high:g}"


def _answer(search: Search) -> Try:
    at = search.find(search.answer)
    assert at is not None, "the answer is one of the tries"
    return search.tries[at]


def _signed(number: int) -> str:
    return f"{number:+d}".replace("-", "−")


def _percent(part: float) -> str:
    digits = 0 if abs(part) >= 0.0995 else 1 if abs(part) >= 0.002 else 2
    return f"{100 * part:+.{digits}f} %".replace("-", "−")
