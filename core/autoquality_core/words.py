"""Words for scores, for people who type a target.

Imports nothing, so that programs without the codecs can use it.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

WORDS: Mapping[str, Mapping[str, float]] = MappingProxyType(
    {
        # The scale of the metric's authors: https://github.com/cloudinary/ssimulacra2
        "ssimulacra2": MappingProxyType(
            {
                "low": 30.0,
                "medium": 50.0,
                "high": 70.0,
                "very_high": 80.0,
                "excellent": 85.0,
                "visually_lossless": 90.0,
            }
        ),
    }
)
"""The scores of words, by the name of the metric."""

METRIC_OF_WORDS = "ssimulacra2"
"""The metric of a word whose metric is not given."""


def score_of(word: str, metric: str = METRIC_OF_WORDS) -> float:
    """The score that a word stands for; case, spaces and hyphens do not matter.

    Raises ValueError with the words that would be right.
    """
    words = WORDS.get(metric, {})
    key = word.strip().lower().replace("-", "_").replace(" ", "_")
    if key in words:
        return words[key]
    if words:
        raise ValueError(f"must be a number, 0 or more, or one of {', '.join(words)}, not {word!r}")
    raise ValueError(f"must be a number, 0 or more, not {word!r}; words are for {', '.join(WORDS)}")
