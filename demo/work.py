"""The requests of the demonstration."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from autoquality import AutoQuality, Client, Encoded, Format, Method

FORMATS = (Format.JPEG, Format.WEBP, Format.AVIF)
SWEEP = range(1, 101, 3)
BOTH = ("dssim", "ssimulacra2")
BUDGET_SHARE = 1 / 15
"""The byte budget, as a share of the source file (a PNG)."""


@dataclass(frozen=True)
class Result:
    """One answer and its target."""

    method: Method
    target: str
    encoded: Encoded

    @property
    def served_by(self) -> str:
        """The method, and the one that was used instead, if any."""
        applied = self.encoded.applied.method
        return str(self.method) if applied == self.method else f"{self.method} (as {applied})"

    @property
    def file_name(self) -> str:
        return f"{self.method}.{self.encoded.format}"


@dataclass(frozen=True)
class Point:
    """One quality on a curve."""

    quality: int
    score: float
    size_bytes: int


def encode_all(client: Client, image: Path) -> list[Result]:
    """Encode by every method in every format."""
    budget = round(image.stat().st_size * BUDGET_SHARE, -3)
    targets = {
        Method.NONE: (AutoQuality(method=Method.NONE), "default quality"),
        Method.SIZE: (_wide(Method.SIZE, budget), f"at most {budget / 1000:.0f} kB"),
        Method.SSIMULACRA2: (_wide(Method.SSIMULACRA2, 70, 1), "score 70 ± 1 (high)"),
        Method.DSSIM: (_wide(Method.DSSIM, 0.01, 0.001), "DSSIM 0.010 ± 0.001"),
        Method.ML: (_wide(Method.ML, 0.02, 0.001), "DSSIM 0.020 ± 0.001"),
    }
    return [
        Result(method, words, client.encode(image, format=fmt, auto_quality=target, measure=BOTH))
        for fmt in FORMATS
        for method, (target, words) in targets.items()
    ]


def _wide(method: Method, target: float, allowed_error: float | None = None) -> AutoQuality:
    return AutoQuality(
        method=method,
        target=target,
        min_quality=10,
        max_quality=95,
        allowed_error=allowed_error,
    )


def sweep_all(client: Client, image: Path) -> dict[Format, list[Point]]:
    """SSIMULACRA2 and size over quality, for each format."""
    # As many calls at a time as the server has workers.
    with ThreadPoolExecutor(client.info().limits.workers) as pool:
        return {fmt: list(pool.map(partial(_point, client, image, fmt), SWEEP)) for fmt in FORMATS}


def _point(client: Client, image: Path, fmt: Format, quality: int) -> Point:
    encoded = client.encode(image, format=fmt, quality=quality, measure=["ssimulacra2"])
    assert encoded.ssimulacra2 is not None
    return Point(quality, encoded.ssimulacra2, encoded.size_bytes)
