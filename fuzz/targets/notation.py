"""imgproxy's notation: any text is parsed or raises ValueError, and a parsed spec round-trips."""

from __future__ import annotations

from autoquality import parse_notation
from fuzz.targets import Target


def run(data: bytes) -> None:
    """Parse, format and parse again."""
    try:
        spec = parse_notation(data.decode("utf-8", "surrogateescape"))
    except ValueError as error:
        assert str(error), "the error has no text"
        return
    assert parse_notation(str(spec)) == spec, f"{spec} is parsed as another spec"


TARGET = Target(run, max_bytes=200)
