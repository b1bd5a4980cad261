"""The options of `Client.encode` as a request."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from autoquality._accept import formats_accepted
from autoquality._enums import Method
from autoquality._messages import fields_of, to_message
from autoquality._notation import auto_quality, parse_notation, with_method
from autoquality._options import (
    LIMIT_FIELDS,
    NOTATION_FIELDS,
    SPEC_FIELDS,
    AutoQuality,
    EncodeOptions,
)
from autoquality.v1 import encoding_pb2 as pb


def encode_request(options: EncodeOptions) -> pb.EncodeRequest:
    """Build the request, without its source.

    Raises ValueError for options that contradict each other and for unknown enum values,
    TypeError for an unknown option.
    """
    if unknown := options.keys() - EncodeOptions.__annotations__.keys():
        raise TypeError(f"unknown option: {', '.join(sorted(unknown))}")
    values: dict[str, Any] = dict(options)
    spec = with_method(auto_quality(**{name: values.pop(name, None) for name in SPEC_FIELDS}))
    values["auto_quality"] = _one_spec(values.get("auto_quality"), spec, values.get("quality"))
    measure = values.get("measure") or ()
    values["candidates"] = _candidates(values)
    values["measure"] = (measure,) if isinstance(measure, str) else tuple(measure)
    return to_message(pb.EncodeRequest, values)


def _candidates(values: dict[str, Any]) -> tuple[str, ...]:
    """Return the candidates, given as formats or as an Accept header, which is removed."""
    accept, some = values.pop("accept", None), values.get("candidates") or ()
    if isinstance(some, str) and "," in some:
        raise ValueError(f"candidates must be a list such as ['avif', 'webp'], not {some!r}")
    some = (some,) if isinstance(some, str) else tuple(some)
    if accept is None:
        return some
    if some:
        raise ValueError("give either candidates or accept, not both")
    if values.get("format") is not None:
        raise ValueError("give either format or accept, not both")
    return formats_accepted(accept)


def _one_spec(
    whole: AutoQuality | str | None, parts: AutoQuality, quality: int | None
) -> AutoQuality | None:
    """Return the spec, given whole or in parts, with limits in any case.

    A quality alone means Method.NONE.
    """
    if whole is None:
        if parts == AutoQuality() and quality is not None:
            return AutoQuality(method=Method.NONE)
        return None if parts == AutoQuality() else parts
    given = {name: value for name, value in fields_of(parts).items() if value is not None}
    if given.keys() - set(LIMIT_FIELDS):
        raise ValueError(
            f"give either auto_quality or its parts ({', '.join(NOTATION_FIELDS)}), not both"
        )
    spec = parse_notation(whole) if isinstance(whole, str) else auto_quality(**fields_of(whole))
    return replace(spec, **given)
