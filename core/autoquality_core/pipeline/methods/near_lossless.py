"""Near-lossless files: the smallest of a few levels that looks good enough."""

from __future__ import annotations

from bisect import bisect_left

import numpy as np

from autoquality_core.formats.webp import NEAR_LOSSLESS_LEVELS
from autoquality_core.images import Pixels
from autoquality_core.metrics import SSIMULACRA2
from autoquality_core.pipeline.methods.base import Answer
from autoquality_core.pipeline.methods.limited import keeps_scores, other_metrics
from autoquality_core.pipeline.session import Session
from autoquality_core.runtime.arrays import Bytes
from autoquality_core.types import Outcome, ResolvedTarget

_USUAL = (79.0, 87.5, 91.5, 93.5)
"""The median SSIMULACRA2 of each level but the last, over crops of 48 screenshots from the manuals
of FreedomBox, GnuCash and MATE. A search starts at the first that is enough."""

_PALETTE = 256
"""libwebp writes most images of so many colours or fewer with a palette, which keeps them exact."""

_SAMPLE = 4096
"""Pixels to look at first: in most images, they have more colours than a palette."""


def has_near_lossless(pixels: Pixels, resolved: ResolvedTarget) -> bool:
    """Whether a near-lossless file may answer: for SSIMULACRA2, and a still of many colours."""
    if resolved.metric != SSIMULACRA2.name or pixels.frames > 1:
        return False
    colours = pixels.samples.reshape(-1, pixels.bands)
    some = colours[:: len(colours) // _SAMPLE + 1]
    return _many(some) or _many(colours)


def _many(colours: Bytes) -> bool:
    packed = np.zeros(len(colours), np.uint32)
    for band in colours.T:
        packed = packed << 8 | band
    return len(np.unique(packed)) > _PALETTE


def search_near_lossless(session: Session, resolved: ResolvedTarget) -> Answer:
    """The smallest file of all levels with the target's SSIMULACRA2 or a better one.

    It goes from one level to the next while that may help: the score rises with the level.
    """
    usual, limits = session.encoder, resolved.limits
    metrics = SSIMULACRA2, *other_metrics(limits, SSIMULACRA2)
    least = resolved.target - resolved.allowed_error
    sizes: dict[int, int] = {}
    outcome = Outcome.MAX_QUALITY_REACHED
    at, step = bisect_left(_USUAL, resolved.target), 0
    while 0 <= at < len(NEAR_LOSSLESS_LEVELS):
        if step and not session.may_continue(0):
            outcome = Outcome.DEADLINE_REACHED
            break
        level = NEAR_LOSSLESS_LEVELS[at]
        session.encoder = usual.at_level(level)
        found = session.probe(0, *metrics)
        enough = found.scores[SSIMULACRA2.name] >= least and keeps_scores(found.scores, limits)
        if enough:
            sizes[level] = found.size_bytes
        if step and enough is (step > 0):
            break
        step = -1 if enough else 1
        at += step
    if not sizes:
        return Answer(0, outcome, resolved)
    session.encoder = usual.at_level(min(sizes, key=sizes.__getitem__))
    return Answer(0, Outcome.LOSSLESS_SMALLER, resolved)
