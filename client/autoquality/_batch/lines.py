"""The lines of the manifest. docs/batch.md describes their keys."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from google.protobuf.json_format import MessageToDict

from autoquality._batch.manifest import Record
from autoquality._batch.storage import StorageError
from autoquality._errors import AutoQualityError
from autoquality._options import EncodeOptions
from autoquality._request import encode_request
from autoquality._results import Encoded


def described(options: EncodeOptions) -> dict[str, Any]:
    """Return the options of an encoding as JSON: the fields of the request that are set.

    Raises ValueError for options that contradict each other.
    """
    return MessageToDict(encode_request(options), preserving_proto_field_name=True)


def done(about: Record, source_bytes: int, encoded: Encoded, output: str, server: str) -> Record:
    """Return the line of a file that was encoded and written."""
    return {
        **about,
        "ok": True,
        "outcome": encoded.outcome,
        "source_bytes": source_bytes,
        "output": output,
        "size_bytes": encoded.size_bytes,
        "format": encoded.format,
        "quality": encoded.quality,
        "dssim": encoded.dssim,
        "ssimulacra2": encoded.ssimulacra2,
        "notices": [notice.code for notice in encoded.notices],
        "seconds": round(encoded.timings.total, 3),
        "server": server,
        "request_id": encoded.request_id,
        "finished": _now(),
    }


def failed(about: Record, source_bytes: int, error: AutoQualityError | StorageError) -> Record:
    """Return the line of a file that failed."""
    call = error if isinstance(error, AutoQualityError) else None
    return {
        **about,
        "ok": False,
        "outcome": "failed",
        "source_bytes": source_bytes,
        "error": str(error),
        "code": call.code.name if call else "STORAGE",
        "reason": call and call.reason,
        "request_id": call and call.request_id,
        "finished": _now(),
    }


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
