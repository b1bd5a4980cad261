"""The one way of a source to its result, however it came and however the result goes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from autoquality_core.encode.job import EncodeJob, EncodeResult
from autoquality_core.encode.pipeline import Pipeline
from autoquality_core.metrics import METRICS
from autoquality_core.runtime.context import report
from autoquality_core.runtime.deadline import Deadline
from autoquality_core.types import Stage
from autoquality_server.rpc.slots import Gates
from autoquality_server.rpc.watchdog import tell_watchdog
from autoquality_server.telemetry.logs import log_fields
from autoquality_server.telemetry.metrics import Metrics


@dataclass(frozen=True, slots=True)
class Encoding:
    """Through the gates and the pipeline."""

    pipeline: Pipeline
    gates: Gates
    metrics: Metrics

    def run(
        self,
        job: EncodeJob,
        deadline: Deadline,
        *,
        max_bytes: int | None = None,
    ) -> EncodeResult:
        """Encode when there is room for it; `max_bytes` is as of `Pipeline.open`.

        Raises ServiceError. No worker is held any more when it returns.
        """
        tell_watchdog(
            format=job.format.value if job.format else None,
            method=job.spec.method.value if job.spec.method else None,
        )

        with self.gates.to_look(deadline):
            opened = self.pipeline.open(job, deadline, max_bytes)
        report(Stage.QUEUED)
        with self.gates.to_work(deadline, opened.cost):
            report(Stage.STARTED)
            return self.pipeline.run(opened, deadline)

    def note(self, result: EncodeResult, source_bytes: int) -> None:
        """Count a result and add it to the log line of the call that this thread serves."""
        self.metrics.observe(result, source_bytes)
        log_fields(**_summary(result, source_bytes))


def _summary(result: EncodeResult, source_bytes: int) -> dict[str, Any]:
    """What the request's log line tells."""
    return {
        "format": result.format.value,
        "method": result.applied.method.value,
        "quality": result.quality or None,
        "outcome": result.outcome.value,
        "iterations": len(result.probes),
        **dict.fromkeys(METRICS),
        **result.scores,
        "source_bytes": source_bytes,
        "encoded_bytes": len(result.image),
        "width": result.width,
        "height": result.height,
        "frames": result.frames,
    }
