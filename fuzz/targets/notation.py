"""imgproxy's notation of target settings: it survives a round trip, or raises ValueError."""

from __future__ import annotations

from autoquality import parse_notation
from fuzz.targets import Target


def run(data: bytes) -> None:
    """Parse, write and parse again."""
    try:
        spec = parse_notation(data.decode("utf-8", "surrogateescape"))
    except ValueError as error:
        assert str(error), "a refusal says why"
        return
    assert parse_notation(str(spec)) == spec, f"{spec} changes in a round trip"


TARGET = Target(run, max_bytes=200)
