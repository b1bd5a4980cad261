"""The methods that the page offers, with typical targets. The first is the default."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from autoquality._enums import Method


@dataclass(frozen=True, slots=True)
class _Choice:
    method: Method
    label: str
    target_label: str
    hint: str
    target: str
    """The default."""
    presets: tuple[tuple[str, str], ...]
    """Labels, and targets."""


_DSSIM_HINT = "From 0 (identical) to 1. At 0.02, a photograph still looks like its original."
_DSSIM_PRESETS = (
    ("0.005", "0.005"),
    ("0.01", "0.01"),
    ("0.02", "0.02"),
    ("0.04", "0.04"),
)

_CHOICES = (
    _Choice(Method.DSSIM, "DSSIM", "Target DSSIM", _DSSIM_HINT, "0.02", _DSSIM_PRESETS),
    _Choice(
        Method.ML, "DSSIM, with a network", "Target DSSIM", _DSSIM_HINT, "0.02", _DSSIM_PRESETS
    ),
    _Choice(
        Method.SIZE,
        "File size",
        "Most bytes",
        "The highest quality whose file has at most that many bytes.",
        "50000",
        (("20 kB", "20000"), ("50 kB", "50000"), ("100 kB", "100000")),
    ),
    _Choice(
        Method.NONE,
        "Fixed quality",
        "Quality",
        "From 1 to 100. No search. Empty: the format's default.",
        "75",
        (("50", "50"), ("75", "75"), ("90", "90")),
    ),
)

METHODS: list[dict[str, Any]] = [asdict(choice) for choice in _CHOICES]
