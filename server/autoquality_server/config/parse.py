"""Text to value: one function per type.

Each raises ValueError with the rule that the text breaks ("must be ..."). The caller adds the name
of the setting before it and the text after it.
"""

from __future__ import annotations

import contextlib
import enum
import itertools
import math
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar

from autoquality_core.formats import WITH_QUALITY
from autoquality_core.metrics import Metric
from autoquality_core.types import (
    MAX_QUALITY,
    METRIC_OF_WORDS,
    MIN_QUALITY,
    WORDS,
    ColorProfile,
    Format,
    bytes_of,
    score_of,
)

_Choice = TypeVar("_Choice", bound=enum.Enum)
_Number = TypeVar("_Number", int, float)

_TRUE = frozenset({"1", "t", "true", "y", "yes", "on"})
_FALSE = frozenset({"0", "f", "false", "n", "no", "off"})

MAX_IMAGE_BYTES = 1023 * 2**20
"""With two images of this size, a message stays below protobuf's limit of 2 GiB."""

_BY_NAME = {"jpg": Format.JPEG, **{fmt.value: fmt for fmt in WITH_QUALITY}}


def boolean(text: str) -> bool:
    """Read yes or no, in the words of imgproxy and others."""
    word = text.strip().lower()
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise ValueError("must be true or false")


def whole(low: int, high: int) -> Callable[[str], int]:
    """Read a whole number from `low` to `high`."""
    return _within(int, low, high, f"a whole number from {low} to {high}")


def number(low: float, high: float, right: str) -> Callable[[str], float]:
    """Read a finite number from `low` to `high`, both included; `right` says so in the error."""
    return _within(float, low, high, right)


def _within(
    read: Callable[[str], _Number], low: float, high: float, right: str
) -> Callable[[str], _Number]:
    def parse(text: str) -> _Number:
        with contextlib.suppress(ValueError):
            value = read(text)
            if low <= value <= high and math.isfinite(value):
                return value
        raise ValueError(f"must be {right}")

    return parse


def max_bytes(text: str) -> int:
    """Read the largest file that a search may make, with a unit or without."""
    try:
        return bytes_of(text)
    except ValueError as error:
        raise ValueError(str(error).rpartition(", not ")[0]) from None


def score(metric: Metric) -> Callable[[str], float]:
    """Read a score of a metric, as a number or a word."""

    def parse(text: str) -> float:
        try:
            return score_of(text, metric.name)
        except ValueError:
            low, high = metric.low, metric.high
            has_words = metric.name == METRIC_OF_WORDS
            or_word = f", or one of {', '.join(WORDS)}" if has_words else ""
            return number(low, high, f"a {metric.noun} from {low:g} to {high:g}{or_word}")(text)

    return parse


def target(text: str) -> float | str:
    """Read bytes, a score or a word for a score; a word stays one until the metric is known."""
    try:
        score_of(text)
    except ValueError:
        if text.strip()[-1:].isalpha():
            with contextlib.suppress(ValueError):
                return float(bytes_of(text))
        words = ", ".join(WORDS)
        return number(0, math.inf, f"bytes (1 or more), a score (0 or more) or one of {words}")(
            text
        )
    return text.strip()


def seconds(low: float, high: float) -> Callable[[str], float]:
    """Read seconds from `low` to `high`."""
    return number(low, high, f"seconds from {low:g} to {high:g}")


def choice(members: Iterable[_Choice]) -> Callable[[str], _Choice]:
    """Read one of the values of an enum, in upper or lower case."""
    known = {str(one.value): one for one in members}

    def parse(text: str) -> _Choice:
        word = text.strip().lower()
        if word not in known:
            raise ValueError(f"must be {_one_of(known.values())}")
        return known[word]

    return parse


def formats(text: str) -> tuple[Format, ...]:
    """Read formats separated by commas, each once; empty for none."""
    try:
        return tuple(dict.fromkeys(Format(entry.lower()) for entry in _entries(text)))
    except ValueError:
        raise ValueError(f"must be formats separated by commas: {_one_of(Format)}") from None


def _one_of(members: Iterable[enum.Enum]) -> str:
    *names, last = (str(member.value) for member in members)
    return f"{', '.join(names)} or {last}"


def color_profile(text: str) -> ColorProfile:
    """Read `srgb` or `keep`, or imgproxy's boolean: whether to strip the profile."""
    try:
        return ColorProfile.SRGB if boolean(text) else ColorProfile.KEEP
    except ValueError:
        return choice(ColorProfile)(text)


def size(text: str) -> int:
    """Read a number of bytes, with a unit or without (`64MiB`, `10MB`, `1048576`)."""
    try:
        value = bytes_of(text)
    except ValueError:
        value = 0
    if not 1 <= value <= MAX_IMAGE_BYTES:
        raise ValueError("must be a size from 1 byte to 1023MiB, such as 64MiB, 10MB or 1048576")
    return value


def redis_url(text: str) -> str:
    """Read the URL of a server that speaks Redis' protocol."""
    if not text.startswith(("redis://", "rediss://", "unix://")):
        raise ValueError("must be a URL such as redis://HOST:6379/0, rediss://... or unix:///PATH")
    return text


def is_file(path: str) -> bool:
    """Whether the file exists; a path that the system rejects does not."""
    try:
        return Path(path).is_file()
    except OSError:
        return False


def existing_file(text: str) -> str:
    """Read the path of a file that exists."""
    if not is_file(text):
        raise ValueError("must be the path of a file that exists")
    return text


BUNDLED = "bundled"
"""The network that comes with the server."""
NO_NETWORK = "none"
_NETWORKS = {"bundled": BUNDLED, "box": BUNDLED, "none": NO_NETWORK}  # box: the former name


def network(text: str) -> str:
    """Read the path of a file, `bundled` or `none`."""
    known = _NETWORKS.get(text.strip().lower())
    if known is None and not is_file(text):
        raise ValueError("must be the path of a network that exists, 'bundled' or 'none'")
    return known or text


def batch_sizes(text: str) -> tuple[int, ...]:
    """Read batch sizes in rising order, `1,2,4`; empty for the powers of two."""
    entries = [entry.strip() for entry in text.split(",")] if text.strip() else []
    sizes = tuple(int(entry) if entry.isascii() and entry.isdecimal() else 0 for entry in entries)
    if any(low >= high for low, high in itertools.pairwise((0, *sizes))):
        raise ValueError("must be batch sizes in rising order such as 1,2,4,8")
    return sizes


def format_qualities(base: Mapping[Format, int]) -> Callable[[str], Mapping[Format, int]]:
    """Read qualities by format, `webp=79,avif=63`; `base` has those of other formats."""

    def parse(text: str) -> Mapping[Format, int]:
        qualities = dict(base)
        for entry in _entries(text):
            name, _, quality = entry.partition("=")
            fmt = _BY_NAME.get(name.strip().lower())
            if fmt is None or not _is_quality(quality):
                raise ValueError(
                    f"must be a list such as webp=79,avif=63: {_one_of(WITH_QUALITY)} with a "
                    f"quality from {MIN_QUALITY} to {MAX_QUALITY}"
                )
            qualities[fmt] = int(quality)
        return MappingProxyType(qualities)

    return parse


def without_foreign_formats(text: str) -> tuple[str, list[str]]:
    """Split a list of qualities by format into formats that this server writes, and others."""
    kept: list[str] = []
    dropped: list[str] = []
    for entry in _entries(text):
        name, equals, _ = entry.partition("=")
        # An entry without a format is an error in imgproxy too: keep it, so that it is refused.
        known = not equals or name.strip().lower() in _BY_NAME
        (kept if known else dropped).append(entry)
    return ",".join(kept), dropped


def _entries(text: str) -> list[str]:
    return [entry for part in text.split(",") if (entry := part.strip())]


def _is_quality(text: str) -> bool:
    text = text.strip()
    short = len(text) <= len(str(MAX_QUALITY))
    return short and text.isascii() and text.isdecimal() and MIN_QUALITY <= int(text) <= MAX_QUALITY
