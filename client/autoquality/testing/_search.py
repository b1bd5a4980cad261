"""The searches of the fake server: bisections, because its curves are monotone."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from autoquality.testing._curve import Curve
from autoquality.v1 import encoding_pb2 as pb

Found = tuple[int, list[int], pb.Outcome.ValueType]
"""The quality to use, the qualities tried in order, and why the search stopped."""


def search(curve: Curve, spec: pb.AutoQuality, fixed: int) -> Found:
    """Search for the target of a resolved `spec`. `fixed` is the quality for METHOD_NONE."""
    if curve.lossless:
        return 0, [0], pb.OUTCOME_NO_QUALITY
    if spec.method == pb.METHOD_NONE:
        return fixed, [fixed], pb.OUTCOME_FIXED_QUALITY
    if spec.method == pb.METHOD_SIZE:
        return _search_size(curve, spec)
    if spec.method == pb.METHOD_ML and spec.allowed_error == 1:
        middle = (spec.min_quality + spec.max_quality) // 2
        if not any(exceeded(curve, spec, middle)):
            return middle, [middle], pb.OUTCOME_PREDICTION_TRUSTED
    return _within_limits(curve, spec)


def exceeded(curve: Curve, spec: pb.AutoQuality, quality: int) -> Iterator[pb.Outcome.ValueType]:
    """Yield the outcome of each limit that the file at `quality` exceeds."""
    if spec.HasField("max_bytes") and curve.size_bytes(quality) > spec.max_bytes:
        yield pb.OUTCOME_MAX_BYTES_REACHED
    if spec.HasField("max_dssim") and curve.dssim(quality) > spec.max_dssim:
        yield pb.OUTCOME_MAX_DSSIM_REACHED
    if spec.HasField("min_ssimulacra2") and curve.ssimulacra2(quality) < spec.min_ssimulacra2:
        yield pb.OUTCOME_MIN_SSIMULACRA2_REACHED


def _search_size(curve: Curve, spec: pb.AutoQuality) -> Found:
    budget = min(spec.target, spec.max_bytes) if spec.HasField("max_bytes") else spec.target
    quality, tried, outcome = _fit(curve, spec, budget)
    if any(exceeded(curve, spec, quality)):
        outcome = pb.OUTCOME_LIMITS_CONFLICT
    elif outcome == pb.OUTCOME_TARGET_MET and budget < spec.target and quality < spec.max_quality:
        outcome = pb.OUTCOME_MAX_BYTES_REACHED
    return quality, tried, outcome


def _fit(curve: Curve, spec: pb.AutoQuality, budget: float) -> Found:
    def miss(quality: int) -> float:
        unused = 1 - curve.size_bytes(quality) / budget
        is_enough = spec.allowed_error and 0 <= unused <= spec.allowed_error
        return 0 if is_enough else unused or 1

    tried, low, high = _bisect(spec.min_quality, spec.max_quality, miss)
    if low <= high:
        return tried[-1], tried, pb.OUTCOME_TARGET_MET
    if high < spec.min_quality:
        return spec.min_quality, tried, pb.OUTCOME_MIN_QUALITY_REACHED
    return high, tried, pb.OUTCOME_TARGET_MET


def _bisect(low: int, high: int, miss: Callable[[int], float]) -> tuple[list[int], int, int]:
    """Return the qualities tried, and what is left of the range: nothing if none was right.

    `miss` is above 0 for a quality that is too low, below 0 for one that is too high.
    """
    tried = list[int]()
    while low <= high:
        tried.append((low + high) // 2)
        missed = miss(tried[-1])
        if missed > 0:
            low = tried[-1] + 1
        elif missed < 0:
            high = tried[-1] - 1
        else:
            break
    return tried, low, high


def _within_limits(curve: Curve, spec: pb.AutoQuality) -> Found:
    whole = range(spec.min_quality, spec.max_quality + 1)
    within = [quality for quality in whole if not any(exceeded(curve, spec, quality))]
    if not within:
        budget = spec.max_bytes if spec.HasField("max_bytes") else float("inf")
        fitting = [quality for quality in whole if curve.size_bytes(quality) <= budget]
        quality = fitting[-1] if fitting else spec.min_quality
        return quality, [quality], pb.OUTCOME_LIMITS_CONFLICT
    quality, tried, outcome = _search_score(curve, spec, within[0], within[-1])
    beyond = {
        pb.OUTCOME_MIN_QUALITY_REACHED: within[0] - 1,
        pb.OUTCOME_MAX_QUALITY_REACHED: within[-1] + 1,
    }
    if beyond.get(outcome) in whole:
        outcome = next(exceeded(curve, spec, beyond[outcome]))
    return quality, tried, outcome


def _search_score(curve: Curve, spec: pb.AutoQuality, lowest: int, highest: int) -> Found:
    by_dssim = spec.metric == pb.METRIC_DSSIM

    def distance(quality: int) -> float:
        """Return by how much the image looks worse than the target."""
        worse = curve.dssim(quality) - spec.target
        return worse if by_dssim else spec.target - curve.ssimulacra2(quality)

    def miss(quality: int) -> float:
        return 0 if abs(distance(quality)) <= spec.allowed_error else distance(quality)

    tried, low, high = _bisect(lowest, highest, miss)
    if low <= high:
        return tried[-1], tried, pb.OUTCOME_TARGET_MET
    if high < lowest:
        return lowest, tried, pb.OUTCOME_MIN_QUALITY_REACHED
    if low > highest:
        return highest, tried, pb.OUTCOME_MAX_QUALITY_REACHED
    nearest = min(tried, key=lambda quality: abs(distance(quality)))
    return nearest, tried, pb.OUTCOME_NEAREST_QUALITY
