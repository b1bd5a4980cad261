"""The methods that the page offers, with typical targets. The first is the default."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from autoquality_core.types import METRIC_OF_WORDS, WORDS


@dataclass(frozen=True, slots=True)
class _Choice:
    method: str
    """A method, or a method and its metric."""
    label: str
    target_label: str
    hint: str
    target: str
    """The default."""
    presets: tuple[str, ...]
    compares: bool = False
    """Whether its results in several formats can be compared."""


_WORDS = WORDS[METRIC_OF_WORDS]
_SSIMULACRA2 = (
    "Target",
    "A word, or a score from 0 to 100. At 90 and more, it looks like the original.",
    "high",
    tuple(_WORDS),
)
_DSSIM = (
    "Target DSSIM",
    "From 0 (identical) to 1. At 0.02, most photographs still look like their original.",
    "0.02",
    ("0.005", "0.01", "0.02", "0.04"),
)

_CHOICES = (
    _Choice("ssimulacra2", "How it looks (SSIMULACRA2)", *_SSIMULACRA2, compares=True),
    _Choice("ml:ssimulacra2", "SSIMULACRA2, by a network", *_SSIMULACRA2, compares=True),
    _Choice("dssim", "DSSIM", *_DSSIM),
    _Choice("ml:dssim", "DSSIM, by a network", *_DSSIM),
    _Choice(
        "size",
        "File size",
        "Most bytes",
        "The highest quality whose file has at most that many bytes.",
        "50000",
        ("20000", "50000", "100000"),
        compares=True,
    ),
    _Choice(
        "none",
        "Fixed quality",
        "Quality",
        "From 1 to 100. No search. Empty: the format's default.",
        "75",
        ("50", "75", "90"),
    ),
)

METHODS: list[dict[str, Any]] = [asdict(choice) for choice in _CHOICES]
