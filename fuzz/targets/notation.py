"""imgproxy's notation of a target: parsed and written again, or ValueError."""

from __future__ import annotations

from autoquality import parse_notation
from fuzz.targets import Target


def run(data: bytes) -> None:
    """Parse, write and parse again."""
    try:
        target = parse_notation(data.decode("utf-8", "surrogateescape"))
    except ValueError as error:
        assert str(error), "an error has a message"
        return
    assert parse_notation(str(target)) == target, f"{target} is parsed as another target"


TARGET = Target(run, max_bytes=200)
