"""How far an image's curves may turn back, by how much detail it has.

The files `*.rough.json` are made by `autoquality-train roughness`.
"""

from __future__ import annotations

import json
import math
from dataclasses import replace
from functools import cache
from importlib.resources import files
from typing import Any

from autoquality_core.images import Pixels
from autoquality_core.priors import dssim_prior, encoder_name, load_prior, size_prior
from autoquality_core.priors.features import Detail, detail
from autoquality_core.priors.regression import sketched
from autoquality_core.search import Roughness
from autoquality_core.types import EncoderOptions, Format

_FEW = 64
"""Blocks below which every quality is tried for a DSSIM; that takes milliseconds."""

_SATURATED = 16
"""Flat areas of saturated colours count as so much less detail."""

_LARGE = 160_000
"""Pixels from which a probe costs too much to be spent on every oddity."""

_LARGE_SHARE = 0.5
"""The share of the worst that was seen of size curves that is provided for in large images."""

_JITTER_BYTES = 8
"""By so many bytes, the tables of a file vary from quality to quality."""

_BYTES_OF_BLOCK = {"avif": 1.5}
_USUAL_BYTES_OF_BLOCK = 3.0
"""Bytes that a block takes at least, if it is to average anything out."""

DETAILED = 2048
"""Different blocks with detail from which on the roughness of a curve is that of photographs."""

WHOLE_CHROMA = 90
"""The quality from which JPEG and AVIF keep chroma whole: their curves break there."""


def rough(
    pixels: Pixels, fmt: Format, options: EncoderOptions, curve: str, budget: float = math.inf
) -> Roughness:
    """How far the "dssim" or "size" curve of an image may turn back.

    With `DETAILED` different blocks or more, images behave alike, and what was
    learned of photographs holds. With fewer, `*.rough.json` has what was seen of
    images with as few, apart for those of few colours. A small `budget` in bytes
    leaves no more detail than it has room for. To rule out every oddity would take a
    probe of most qualities: that is for small images.
    """
    encoder = encoder_name(fmt, options)
    area = pixels.frames * pixels.height * pixels.width
    prior = (dssim_prior if curve == "dssim" else size_prior)(fmt, options, area)
    breaks = (WHOLE_CHROMA,) if _breaks(fmt, options, grey=pixels.bands < 3) else ()
    usual = Roughness(prior.allowance, prior.allowance, breaks)
    learned = _learned(encoder)
    if learned is None:
        return usual
    seen = detail(pixels)
    blocks = effective_blocks(seen, encoder, curve, budget)
    if blocks >= DETAILED:
        # A budget is kept to the byte, and one more probe proves it.
        return usual if curve == "size" else replace(usual, near=tuple(learned["near"]))
    if curve == "dssim" and area >= _LARGE:
        return usual
    kind = learned[curve]["simple" if seen.simple else "rich"]
    at = int(math.log2(blocks))
    least = max(load_prior(encoder, curve).allowance, _JITTER_BYTES / budget)
    if curve == "dssim" and blocks < _FEW:
        return Roughness(math.inf, math.inf)  # with so little, anything happens
    share = _LARGE_SHARE if area >= _LARGE else 1.0
    within, across = (max(least, share * kind[name][at]) for name in ("within", "across"))
    return Roughness(within, across, breaks, smooth=False)


def effective_blocks(seen: Detail, encoder: str, curve: str, size_bytes: float) -> float:
    """The blocks that a curve's roughness averages out over, where a file has so many bytes."""
    if curve == "dssim":
        return max(1.0, seen.blocks / _SATURATED if seen.saturated else seen.blocks)
    learned = sketched(encoder, "size")
    payload = size_bytes - (0.0 if learned is None else learned.overhead)
    room = payload / _BYTES_OF_BLOCK.get(encoder, _USUAL_BYTES_OF_BLOCK)
    return max(1.0, min(seen.blocks, room))


def _breaks(fmt: Format, options: EncoderOptions, *, grey: bool) -> bool:
    """Whether chroma is halved below quality `WHOLE_CHROMA` and whole from there on."""
    if fmt is Format.JPEG:
        return not (grey or options.jpeg.no_subsample)
    return fmt is Format.AVIF and not options.avif.no_subsample


@cache
def _learned(encoder: str) -> Any | None:
    file = files(__package__).joinpath(f"{encoder}.rough.json")
    return json.loads(file.read_text(encoding="utf-8"))["curves"] if file.is_file() else None
