"""From a result to its protobuf response."""

from __future__ import annotations

from google.protobuf.duration_pb2 import Duration

from autoquality.v1 import encoding_pb2 as pb
from autoquality_core.encode.job import EncodeResult
from autoquality_core.types import (
    NoticeCode,
    Outcome,
    Probe,
    Progress,
    ResolvedTarget,
    Stage,
    Timings,
)
from autoquality_server.rpc.validate import FORMATS, METHODS

FORMAT_NUMBERS = {fmt: number for number, fmt in FORMATS.items()}
METHOD_NUMBERS = {method: number for number, method in METHODS.items()}
_OUTCOMES = {one: pb.Outcome.Value(f"OUTCOME_{one.name}") for one in Outcome}
_STAGES = {one: pb.EncodeProgress.Stage.Value(f"STAGE_{one.name}") for one in Stage}
_NOTICES = {one: pb.Notice.Code.Value(f"CODE_{one.name}") for one in NoticeCode}


def response_of(
    result: EncodeResult, total_seconds: float, *, with_image: bool = True
) -> pb.EncodeResponse:
    """The response for `result`, of a request that took `total_seconds` in the server."""
    return pb.EncodeResponse(
        image=result.image if with_image else b"",
        format=FORMAT_NUMBERS[result.format],
        quality=result.quality,
        size_bytes=len(result.image),
        **result.scores,
        iterations=len(result.probes),
        outcome=_OUTCOMES[result.outcome],
        applied=target_message(result.applied),
        predicted_quality=result.predicted_quality,
        probes=[_probe(one) for one in result.probes],
        timings=_timings(result.timings, total_seconds),
        notices=[pb.Notice(code=_NOTICES[one.code], message=one.message) for one in result.notices],
        width=result.width,
        height=result.height,
        frames=result.frames,
        alpha_quality=result.alpha_quality,
    )


def progress_message(progress: Progress) -> pb.EncodeProgress:
    """How far a request is."""
    probe = progress.probe
    return pb.EncodeProgress(
        stage=_STAGES[progress.stage], probe=None if probe is None else _probe(probe)
    )


def target_message(spec: ResolvedTarget) -> pb.AutoQuality:
    """A settled spec, every field set."""
    return pb.AutoQuality(
        method=METHOD_NUMBERS[spec.method],
        target=spec.target,
        min_quality=spec.min_quality,
        max_quality=spec.max_quality,
        allowed_error=spec.allowed_error,
    )


def _probe(one: Probe) -> pb.Probe:
    return pb.Probe(
        quality=one.quality,
        size_bytes=one.size_bytes,
        **one.scores,
        encode_time=_duration(one.encode_seconds),
        measure_time=_duration(one.measure_seconds),
        alpha_quality=one.alpha_quality,
    )


def _timings(timings: Timings, total_seconds: float) -> pb.Timings:
    return pb.Timings(
        queue=_duration(timings.queue),
        decode=_duration(timings.decode),
        predict=_duration(timings.predict),
        encode=_duration(timings.encode),
        measure=_duration(timings.measure),
        total=_duration(total_seconds),
    )


def _duration(seconds: float) -> Duration:
    microseconds = round(seconds * 1e6)
    return Duration(seconds=microseconds // 1_000_000, nanos=microseconds % 1_000_000 * 1000)
