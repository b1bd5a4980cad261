"""Text to value: one function a type.

Each raises ValueError with a sentence that says what would be right; the
caller puts the name of the setting before it and the text behind it.
"""

from __future__ import annotations

import enum
import itertools
import math
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar

from autoquality_core.types import MAX_QUALITY, MIN_QUALITY, ColorProfile, Format

_Choice = TypeVar("_Choice", bound=enum.Enum)

_TRUE = frozenset({"1", "t", "true", "y", "yes", "on"})
_FALSE = frozenset({"0", "f", "false", "n", "no", "off"})

_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "ki": 2**10, "mi": 2**20, "gi": 2**30}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmg]i?)?b?", re.IGNORECASE)

MAX_IMAGE_BYTES = 1023 * 2**20
"""Two images of this size and the rest of a message stay under 2 GiB, protobuf's limit."""

_WITH_QUALITY = {"jpeg": Format.JPEG, "jpg": Format.JPEG, "webp": Format.WEBP, "avif": Format.AVIF}


def boolean(text: str) -> bool:
    """Yes or no, in the words that imgproxy and people use."""
    word = text.strip().lower()
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise ValueError("must be true or false")


def whole(low: int, high: int) -> Callable[[str], int]:
    """A whole number from `low` to `high`."""

    def parse(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = low - 1
        if not low <= value <= high:
            raise ValueError(f"must be a whole number from {low} to {high}")
        return value

    return parse


def number(low: float, high: float, right: str) -> Callable[[str], float]:
    """A finite number from `low` to `high`, both included; `right` says so to people."""

    def parse(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not math.isfinite(value) or not low <= value <= high:
            raise ValueError(f"must be {right}")
        return value

    return parse


def choice(kind: type[_Choice]) -> Callable[[str], _Choice]:
    """One of the values of an enum, in any case."""

    def parse(text: str) -> _Choice:
        try:
            return kind(text.strip().lower())
        except ValueError:
            values = [str(member.value) for member in kind]
            raise ValueError(f"must be {', '.join(values[:-1])} or {values[-1]}") from None

    return parse


def color_profile(text: str) -> ColorProfile:
    """`srgb` or `keep`, or whether to strip the profile, as imgproxy asks."""
    try:
        return ColorProfile.SRGB if boolean(text) else ColorProfile.KEEP
    except ValueError:
        return choice(ColorProfile)(text)


def size(text: str) -> int:
    """Bytes: a number, with a unit or without (`64MiB`, `10MB`, `1048576`)."""
    match = _SIZE.fullmatch(text.strip())
    value = float(match[1]) * _UNITS[(match[2] or "").lower()] if match else 0.0
    if not 1 <= value <= MAX_IMAGE_BYTES:
        raise ValueError("must be a size from 1 byte to 1023MiB, such as 64MiB, 10MB or 1048576")
    return int(value)


def is_file(path: str) -> bool:
    """Whether there is such a file; a path that the system refuses is none."""
    try:
        return Path(path).is_file()
    except OSError:
        return False


def existing_file(text: str) -> str:
    """The path of a file that is there."""
    if not is_file(text):
        raise ValueError("must be the path of a file that exists")
    return text


BUNDLED = "box"
"""The network that comes with the server."""
NO_NETWORK = "none"


def network(text: str) -> str:
    """The path of a file, or `box` or `none`."""
    word = text.strip().lower()
    if word in (BUNDLED, NO_NETWORK):
        return word
    if not is_file(text):
        raise ValueError("must be the path of a network that exists, 'box' or 'none'")
    return text


def batch_sizes(text: str) -> tuple[int, ...]:
    """Rising sizes of batches, `1,2,4`; empty for the powers of two."""
    entries = [entry.strip() for entry in text.split(",")] if text.strip() else []
    sizes = tuple(int(entry) if entry.isascii() and entry.isdecimal() else 0 for entry in entries)
    if any(low >= high for low, high in itertools.pairwise((0, *sizes))):
        raise ValueError("must be rising batch sizes such as 1,2,4,8")
    return sizes


def format_qualities(base: Mapping[Format, int]) -> Callable[[str], Mapping[Format, int]]:
    """Qualities by format, `webp=79,avif=63`, laid over `base` as imgproxy does."""

    def parse(text: str) -> Mapping[Format, int]:
        qualities = dict(base)
        for entry in filter(None, (part.strip() for part in text.split(","))):
            name, _, quality = entry.partition("=")
            fmt = _WITH_QUALITY.get(name.strip().lower())
            if fmt is None or not _is_quality(quality):
                raise ValueError(
                    f"must be a list such as webp=79,avif=63: jpeg, webp or avif with a quality "
                    f"from {MIN_QUALITY} to {MAX_QUALITY}"
                )
            qualities[fmt] = int(quality)
        return MappingProxyType(qualities)

    return parse


def without_foreign_formats(text: str) -> tuple[str, list[str]]:
    """Split a list of qualities by format into what this server writes, and the rest."""
    kept: list[str] = []
    dropped: list[str] = []
    for entry in filter(None, (part.strip() for part in text.split(","))):
        name, equals, _ = entry.partition("=")
        # What names no format is not imgproxy's either, and refused.
        known = not equals or name.strip().lower() in _WITH_QUALITY
        (kept if known else dropped).append(entry)
    return ",".join(kept), dropped


def _is_quality(text: str) -> bool:
    text = text.strip()
    short = len(text) <= len(str(MAX_QUALITY))
    return short and text.isascii() and text.isdecimal() and MIN_QUALITY <= int(text) <= MAX_QUALITY
