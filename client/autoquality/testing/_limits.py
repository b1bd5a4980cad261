"""The limits and the range of a request to the fake server, and what they prevent."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from autoquality.testing._curve import Curve
from autoquality.v1 import encoding_pb2 as pb


def limited_metrics(spec: pb.AutoQuality) -> set[pb.Metric.ValueType]:
    """Return the metrics that limits are set for."""
    fields = {"max_dssim": pb.METRIC_DSSIM, "min_ssimulacra2": pb.METRIC_SSIMULACRA2}
    present = {field.name for field, _ in spec.ListFields()}
    return {metric for name, metric in fields.items() if name in present}


def exceeded(curve: Curve, spec: pb.AutoQuality, quality: int) -> Iterator[pb.Outcome.ValueType]:
    """Yield the outcome of each limit that the file at `quality` exceeds."""
    if spec.HasField("max_bytes") and curve.size_bytes(quality) > spec.max_bytes:
        yield pb.OUTCOME_MAX_BYTES_REACHED
    if spec.HasField("max_dssim") and curve.dssim(quality) > spec.max_dssim:
        yield pb.OUTCOME_MAX_DSSIM_REACHED
    if spec.HasField("min_ssimulacra2") and curve.ssimulacra2(quality) < spec.min_ssimulacra2:
        yield pb.OUTCOME_MIN_SSIMULACRA2_REACHED


def limit_notice(curve: Curve, spec: pb.AutoQuality, quality: int) -> pb.Notice | None:
    """Return the notice of a result that exceeds a limit, otherwise None."""
    limits = [
        pb.Outcome.Name(one).removeprefix("OUTCOME_").removesuffix("_REACHED").lower()
        for one in exceeded(curve, spec, quality)
    ]
    if not limits:
        return None
    message = f"the result exceeds {' and '.join(limits)}"
    return pb.Notice(code=pb.Notice.CODE_LIMIT_EXCEEDED, message=message)


def range_notices(
    spec: pb.AutoQuality, outcome: pb.Outcome.ValueType, quality: int, cap: int
) -> tuple[pb.Notice, ...]:
    """Return a notice if a default bound, and not `cap`, keeps a result from its target."""
    bounds: dict[pb.Outcome.ValueType, Literal["min", "max"]] = {
        pb.OUTCOME_MIN_QUALITY_REACHED: "min",
        pb.OUTCOME_MAX_QUALITY_REACHED: "max",
    }
    name: Literal["min", "max"] | None = bounds.get(outcome)
    if (
        name is None
        or quality == cap
        or spec.HasField("min_quality" if name == "min" else "max_quality")
    ):
        return ()
    message = f"quality {quality} is the default: set {name}_quality (--{name}) to exceed it"
    return (pb.Notice(code=pb.Notice.CODE_DEFAULT_BOUND_REACHED, message=message),)
