"""imgproxy's notation of a wish: read or refused by ValueError; what is read can be written."""

from __future__ import annotations

from autoquality import parse_notation
from fuzz.targets import Target


def run(data: bytes) -> None:
    """Read, write and read again."""
    try:
        wish = parse_notation(data.decode("utf-8", "surrogateescape"))
    except ValueError as error:
        assert str(error), "a refusal says why"
        return
    assert parse_notation(str(wish)) == wish, f"{wish} is read as another wish"


TARGET = Target(run, max_bytes=200)
