"""Checks a result against the limits and the range of its request."""

from __future__ import annotations

from collections.abc import Iterator

from autoquality_core.metrics import METRICS, limit_name
from autoquality_core.pipeline.methods import Answer
from autoquality_core.pipeline.session import Session
from autoquality_core.search import is_worse
from autoquality_core.types import (
    MAX_QUALITY,
    MIN_QUALITY,
    Method,
    Notice,
    NoticeCode,
    Outcome,
    ResolvedTarget,
    TargetSpec,
)


def check_limits(session: Session, answer: Answer) -> tuple[Notice, ...]:
    """A notice if the answer exceeds a limit. Measures it by the metrics of the limits."""
    found = "; ".join(_exceeded(session, answer))
    if not found:
        return ()
    return (Notice(NoticeCode.LIMIT_EXCEEDED, f"{_reason(session, answer)}{found}"),)


def check_source(size: int, applied: ResolvedTarget) -> tuple[Notice, ...]:
    """A notice if the answer is a source of `size` bytes, and that is over the byte budget."""
    most = applied.limits.max_bytes
    if size <= applied.budget:
        return ()
    exceeded = []
    if applied.method is Method.SIZE and size > applied.target:
        exceeded.append(f"the target is {applied.target:g}")
    if most is not None and size > most:
        exceeded.append(f"max_bytes is {most}")
    limits = " and ".join(exceeded)
    message = f"the source has {size} bytes, {limits}: the encoding is not smaller"
    return (Notice(NoticeCode.LIMIT_EXCEEDED, message),)


def check_range(
    spec: TargetSpec, session: Session, answer: Answer, cap: int | None
) -> tuple[Notice, ...]:
    """A notice if a default bound keeps the answer from its target.

    There is none for a bound of the request, for one that `cap` replaced, and for 1 and 100.
    """
    lowest = answer.outcome is Outcome.MIN_QUALITY_REACHED
    if not lowest and answer.outcome is not Outcome.MAX_QUALITY_REACHED:
        return ()
    if (spec.min_quality if lowest else spec.max_quality) is not None:
        return ()
    bound = answer.applied.min_quality if lowest else answer.applied.max_quality
    if bound in (MIN_QUALITY, MAX_QUALITY, cap):
        return ()
    name, where = ("min", "below") if lowest else ("max", "above")
    message = (
        f"the target needs a quality {where} {bound}, the default {name}imum for "
        f"{session.encoder.format.name}: set {name}_quality (--{name}) to allow it"
    )
    return (Notice(NoticeCode.DEFAULT_BOUND_REACHED, message),)


def _exceeded(session: Session, answer: Answer) -> Iterator[str]:
    limits, quality = answer.applied.limits, answer.quality
    size = session.size(quality)
    if limits.max_bytes is not None and size > limits.max_bytes:
        yield f"the file has {size} bytes, max_bytes is {limits.max_bytes}"
    for name, worst in limits.scores.items():
        metric = METRICS[name]
        if name not in session.scores(quality) and not session.may_continue(quality):
            yield f"the deadline left no time to check {limit_name(metric)}"
            continue
        session.measure(quality, metric)
        score = session.scores(quality)[name]
        if is_worse(metric, score, worst):
            yield f"the {name.upper()} is {score:.5g}, {limit_name(metric)} is {worst:g}"


def _reason(session: Session, answer: Answer) -> str:
    """Why the limits were not met, as the beginning of a sentence."""
    low, high = answer.applied.min_quality, answer.applied.max_quality
    reasons = {
        Outcome.FIXED_QUALITY: "METHOD_NONE searches for nothing; set the method: ",
        Outcome.NO_QUALITY: f"{session.encoder.format.name} has no quality to lower or raise: ",
        Outcome.DEADLINE_REACHED: "the deadline ended the search: ",
        Outcome.LIMITS_CONFLICT: f"no quality from {low} to {high} is within all limits: ",
    }
    return reasons.get(answer.outcome, "")
