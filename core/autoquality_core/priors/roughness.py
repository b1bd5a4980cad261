"""How far the curves of an image may fall as quality rises, from how much detail it has."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from autoquality_core.formats import Encoder
from autoquality_core.images import Pixels
from autoquality_core.metrics import Metric
from autoquality_core.priors import (
    SIZE,
    load_learned,
    load_prior,
    load_regression,
    offset_fall,
    score_prior,
    size_prior,
)
from autoquality_core.priors.features import Detail, detail
from autoquality_core.search import Roughness

DETAILED = 2048
"""Different blocks with detail from which on the roughness of a curve is that of photographs."""

_FEW = 64
"""Blocks below which a search for a score tries every quality; that takes milliseconds."""

_SATURATED = 16
"""By this factor, flat areas of saturated colours count as less detail."""

_LARGE = 160_000
"""Pixels from which a probe costs too much to be spent on every oddity."""

_LARGE_SHARE = 0.5
"""The share of the learned worst case that is allowed for in large images."""

_JITTER_BYTES = 8
"""Bytes by which the tables in a file vary from quality to quality."""


def score_roughness(pixels: Pixels, encoder: Encoder, metric: Metric) -> Roughness:
    """How far the curve of a metric's values may fall."""
    area = pixels.frames * pixels.height * pixels.width
    breaks = _breaks(encoder, pixels)
    usual = _usual(encoder, metric.name, score_prior(encoder, metric, area).allowance, breaks)
    learned = load_learned(f"{encoder.learned}.rough.json", metric.name)
    seen = detail(pixels)
    blocks = effective_blocks(seen)
    if learned is not None and blocks >= DETAILED:
        margin = learned.get("margin", math.inf)
        return replace(usual, near=tuple(learned["near"]), margin=margin)
    if area >= _LARGE:
        return usual
    if blocks < _FEW:
        return Roughness(math.inf, math.inf)  # too little detail to rule anything out
    if learned is None:
        return usual
    least = _least(encoder, metric.name)
    return _learned_roughness(learned, seen, blocks, least, breaks)


def size_roughness(pixels: Pixels, encoder: Encoder, budget: float = math.inf) -> Roughness:
    """How far the curve of sizes may fall.

    With `DETAILED` different blocks or more, images behave like photographs. With fewer, the
    numbers of `*.rough.json` count, which are separate for images of few colours. A small `budget`
    in bytes has room for little detail. To rule out every oddity takes a probe of most qualities,
    which only small images are worth.
    """
    area = pixels.frames * pixels.height * pixels.width
    breaks = _breaks(encoder, pixels)
    usual = _usual(encoder, SIZE, size_prior(encoder, area).allowance, breaks)
    learned = load_learned(f"{encoder.learned}.rough.json", SIZE)
    seen = detail(pixels)
    blocks = blocks_of_budget(seen, encoder, budget)
    if learned is None and area < _LARGE and blocks < _FEW:
        return Roughness(math.inf, math.inf)
    if learned is None or blocks >= DETAILED:
        return usual
    least = _least(encoder, SIZE, _JITTER_BYTES / budget)
    share = _LARGE_SHARE if area >= _LARGE else 1.0
    return _learned_roughness(learned, seen, blocks, least, breaks, share)


def effective_blocks(seen: Detail) -> float:
    """The blocks that the roughness of a curve of scores averages out over."""
    return max(1.0, seen.blocks / _SATURATED if seen.saturated else seen.blocks)


def blocks_of_budget(seen: Detail, encoder: Encoder, size_bytes: float) -> float:
    """As `effective_blocks`, for the size curve: a file of few bytes has room for few blocks."""
    regression = load_regression(encoder.learned, SIZE)
    payload = size_bytes - (0.0 if regression is None else regression.overhead)
    return max(1.0, min(seen.blocks, payload / encoder.block_bytes))


def _breaks(encoder: Encoder, pixels: Pixels) -> tuple[int, ...]:
    return encoder.breaks(grey=pixels.bands < 3)


def _least(encoder: Encoder, curve: str, jitter: float = 0.0) -> Roughness:
    """The roughness of images with detail, which others exceed."""
    allowance = load_prior(encoder.learned, curve).allowance
    allowance = max(allowance, jitter, offset_fall(encoder, curve, "allowance"))
    return Roughness(allowance, max(allowance, offset_fall(encoder, curve, "across")))


def _usual(encoder: Encoder, curve: str, allowance: float, breaks: tuple[int, ...]) -> Roughness:
    """The roughness of photographs. The fall at a break does not average out over an image."""
    learned = load_learned(f"{encoder.learned}.json", curve) or {}
    across = max(learned.get("across", 0.0), offset_fall(encoder, curve, "across"))
    return Roughness(allowance, max(allowance, across), breaks)


def _learned_roughness(
    learned: Mapping[str, Any],
    seen: Detail,
    blocks: float,
    least: Roughness,
    breaks: tuple[int, ...],
    share: float = 1.0,
) -> Roughness:
    kind = learned["simple" if seen.simple else "rich"]
    at = int(math.log2(blocks))
    within = max(least.allowance, share * kind["within"][at])
    across = max(least.across, share * kind["across"][at])
    return Roughness(within, across, breaks, smooth=False)
