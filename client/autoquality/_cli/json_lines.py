"""The results of `autoquality encode` as lines of JSON."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from autoquality._cli.images import Done, Failed, Result, Skipped
from autoquality._enums import Metric
from autoquality._errors import AutoQualityError, InvalidRequestError
from autoquality._results import as_fields


def as_json(result: Result) -> str:
    """Return one line. `autoquality encode --help` lists its keys, which are stable."""
    if isinstance(result, Skipped):
        fields = {"ok": True, "skipped": True, "output": result.output, "request_id": None}
    else:
        fields = _failed(result) if isinstance(result, Failed) else _done(result)
    return json.dumps({"source": result.source.name, **fields})


def _done(result: Done) -> dict[str, Any]:
    fields = {
        **as_fields(result.encoded),
        "output": result.output,
        "source_bytes": result.source_bytes,
        "saved_percent": round(100 * result.saved, 2),
    }
    return {"ok": True, **{key: fields[key] for key in _KEYS}}


_KEYS = (
    *("output", "source_bytes", "size_bytes", "saved_percent", "format", "quality"),
    *("alpha_quality", *(one.value for one in Metric if one is not Metric.UNKNOWN)),
    *("iterations", "outcome", "applied", "predicted_quality", "probes", "timings", "notices"),
    *("width", "height", "frames", "lossless", "near_lossless", "candidates", "request_id"),
)


def _failed(result: Failed) -> dict[str, Any]:
    error = result.error
    call = error if isinstance(error, AutoQualityError) else None
    violations = error.field_violations if isinstance(error, InvalidRequestError) else ()
    return {
        "ok": False,
        "error": result.message,
        "code": call and call.code.name,
        "reason": call and call.reason,
        "field_violations": [asdict(violation) for violation in violations],
        "request_id": call and call.request_id,
    }
