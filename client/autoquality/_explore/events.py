"""One encoding as a stream of lines: its progress, its result and its errors, as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from autoquality._errors import (
    AutoQualityError,
    DeadlineExceededError,
    InvalidRequestError,
    OverloadedError,
    PermissionDeniedError,
    UnauthenticatedError,
    UnavailableError,
)
from autoquality._results import Encoded, Progress, as_fields

_FORM_FIELDS = {"quality": "target", "candidates": "format"}
"""The fields of the form for fields of the request with another name."""


def line(fields: dict[str, Any]) -> bytes:
    """Return one line of JSON."""
    return json.dumps(fields).encode() + b"\n"


def encoding_lines(
    events: Iterator[Progress | Encoded], code: dict[str, str], server: str
) -> Iterator[bytes]:
    """Yield a line for each event. The encoded file follows the last line.

    `code` is the same request in several languages. A failed call yields a line with `error`.
    """
    try:
        for event in events:
            if isinstance(event, Encoded):
                yield line({"result": _result(event), "code": code})
                yield event.image
            else:
                yield line({"progress": asdict(event)})
    except AutoQualityError as error:
        yield line({"error": describe(error, server)})


def _result(encoded: Encoded) -> dict[str, Any]:
    fields = as_fields(encoded)
    return {**fields, "applied": {**fields["applied"], "notation": str(encoded.applied)}}


def describe(error: AutoQualityError, server: str) -> dict[str, Any]:
    """Describe a failed call in plain words, with the field of the form that is wrong."""
    fields: dict[str, Any] = {"message": _message(error, server), "request_id": error.request_id}
    if isinstance(error, InvalidRequestError) and error.field_violations:
        violation = error.field_violations[0]
        field = violation.field.rpartition(".")[2]
        fields["message"] = violation.description
        fields["field"] = _FORM_FIELDS.get(field, field)
    return fields


def _message(error: AutoQualityError, server: str) -> str:
    match error:
        case UnavailableError():
            text = (
                f"The server {server} cannot be reached. Start it with autoquality-server, or "
                f"choose another one with --server. ({error.message})"
            )
        case DeadlineExceededError():
            text = "The encoding took too long. Allow more time with --timeout."
        case OverloadedError():
            text = f"The server is busy. Try again in {max(1, round(error.retry_after))} s."
        case UnauthenticatedError() | PermissionDeniedError():
            text = f"The server refuses access: {error.message}. Set AUTOQUALITY_TOKEN."
        case _:
            text = str(error)
    return text
