"""Random calls, which are reproducible by their seed."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from autoquality import RawImage
from bench.soak.pictures import Picture

FORMATS = ("jpeg", "webp", "avif", "png")
METHODS = ("none", "size", "dssim", "ml")

_OVERLOADED = "RESOURCE_EXHAUSTED"
EXPECTED = {
    "encode": {"OK", _OVERLOADED},
    "compare": {"OK", _OVERLOADED},
    "burst": {"OK", _OVERLOADED},
    "hurry": {"OK", "DEADLINE_EXCEEDED", _OVERLOADED},
    "cancel": {"OK", "CANCELLED", _OVERLOADED},
    "bad": {"INVALID_ARGUMENT", _OVERLOADED},
    "leave": {"LEFT"},
}
"""The allowed results of a call, by its kind.

hurry: a short deadline; cancel: the client is closed during the call; bad: no usable image; leave:
the connection is closed during the request; burst: one of many calls at once.
"""

TIMEOUT = 180.0
"""Seconds for a call, many times those of the slowest."""

_WEIGHTS = {"encode": 60, "compare": 5, "hurry": 10, "cancel": 10, "bad": 10, "leave": 5}

# An AVIF of several megapixels takes many seconds, so there are only a few.
_LARGE = 1.5
_LARGE_AVIF = 0.1


@dataclass(frozen=True)
class Call:
    """One call to make."""

    kind: str
    picture: Picture
    method: str
    format: str | None
    target: str
    timeout: float
    """Seconds for the call."""
    close_after: float
    """Seconds after which the client is closed, for the kind cancel."""
    measure: bool
    check_dssim: bool
    streamed: bool
    """True if source and result are streamed."""

    @property
    def name(self) -> str:
        """The name under which its latency is counted."""
        return self.method if self.kind in ("encode", "burst") else self.kind


class Plan:
    """Draws calls. Not thread-safe: every caller has its own plan."""

    def __init__(self, seed: str, pictures: Sequence[Picture]) -> None:
        self._chance = random.Random(seed)
        self._good = [one for one in pictures if one.good]
        self._bad = [one for one in pictures if not one.good]

    def draw(self) -> Call:
        """The next call of a caller."""
        kind = self._chance.choices(list(_WEIGHTS), list(_WEIGHTS.values()))[0]
        return self._call(kind)

    def burst(self) -> Call:
        """One of many calls at once."""
        return self._call("burst")

    def _call(self, kind: str) -> Call:
        chance = self._chance
        picture = chance.choice(self._bad if kind == "bad" else self._good)
        while kind in ("compare", "leave", "burst") and picture.file is None:
            picture = chance.choice(self._good)
        fmt = chance.choice((None, *FORMATS))
        if picture.megapixels > _LARGE and fmt == "avif" and chance.random() > _LARGE_AVIF:
            fmt = "webp"
        method = chance.choice(METHODS)
        soon = 10 ** chance.uniform(-2.5, 0)
        return Call(
            kind=kind,
            picture=picture,
            method=method,
            format=fmt,
            target=self._target(method, picture),
            timeout=soon if kind == "hurry" else TIMEOUT,
            close_after=soon,
            measure=chance.random() < 0.3,
            check_dssim=chance.random() < 0.25,
            streamed=chance.random() < 0.25,
        )

    def _target(self, method: str, picture: Picture) -> str:
        low, high = self._chance.choice(((10, 95), (40, 90), (70, 80)))
        if method == "none":
            return "none"
        if method == "size":
            source = picture.source
            whole = len(source.pixels) // 10 if isinstance(source, RawImage) else len(source)
            return f"size:{max(300, int(whole * self._chance.uniform(0.1, 1)))}:{low}:{high}"
        error = self._chance.choice((0.001, 0.002, 0.005)) if method == "dssim" else 0.001
        trusted = method == "ml" and self._chance.random() < 0.2
        target = self._chance.choice((0.005, 0.01, 0.02, 0.05))
        return f"{method}:{target}:{low}:{high}:{1 if trusted else error}"
