"""The quality of a JPEG source, estimated from its quantisation tables, as a limit."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np

from autoquality_core.formats import Encoder, JpegEncoder, JpegOptions
from autoquality_core.images import Pixels, Source
from autoquality_core.images.jpeg import quantisation_tables
from autoquality_core.metrics import SSIMULACRA2
from autoquality_core.pipeline.sources import OpenJob
from autoquality_core.priors import score_prior
from autoquality_core.runtime.arrays import Doubles
from autoquality_core.types import Data, Format, Notice, NoticeCode, ResolvedTarget

_LUMA_AND_CHROMA = 2

_WEIGHTS = np.exp(-np.arange(64) / 8)
"""Of the numbers of a table in zigzag order. Most detail has low frequencies, and custom tables
differ most in the high ones. Over 33 tables of mozjpeg and Photoshop, the estimate is 5 away from
the quality with the same SSIMULACRA2 on average, and at most 14; with equal weights, 9 and 38."""


def capped(resolved: ResolvedTarget, cap: int | None) -> ResolvedTarget:
    """The target with no quality above `cap`, if there is one."""
    if cap is None:
        return resolved
    low, high = min(resolved.min_quality, cap), min(resolved.max_quality, cap)
    return replace(resolved, min_quality=low, max_quality=high)


def cap_for(opened: OpenJob, encoder: Encoder, wanted: int) -> int | None:
    """The highest quality of `encoder` for a job. None unless it is below the one `wanted`."""
    source = opened.source
    if not (opened.job.options.cap_at_source and isinstance(source, Source)):
        return None
    if source.format != Format.JPEG.value:
        return None
    quality = source_quality(source.data, encoder, opened.pixels)
    return quality if quality is not None and quality < wanted else None


def cap_notice(cap: int) -> Notice:
    """Says that the quality of an answer is the limit."""
    message = f"the source has about quality {cap} itself: no higher one was used"
    return Notice(NoticeCode.QUALITY_CAPPED, message)


def source_quality(data: Data, encoder: Encoder, pixels: int) -> int | None:
    """The quality of a JPEG of so many pixels on the scale of `encoder`, 1 to 100.

    None if the file has no tables, or `encoder` no quality. For a JPEG encoder, it is the quality
    whose tables have the same weighted geometric mean: exact if the source has its tables. For
    other encoders it is the lowest quality whose SSIMULACRA2 is not below that of the JPEG. Both
    are means over many images, because the loss of a source cannot be measured.
    """
    if not encoder.takes_quality:
        return None
    tables = quantisation_tables(data)
    if not tables:
        return None
    if isinstance(encoder, JpegEncoder):
        return _nearest(tables, encoder.options.quant_table)
    value = _scores(JpegEncoder(), pixels)[_nearest(tables, 0) - 1]
    return min(int(np.searchsorted(_scores(encoder, pixels), value)) + 1, 100)


def _nearest(tables: tuple[tuple[int, ...], ...], quant_table: int) -> int:
    """The highest quality whose tables are as coarse as `tables`, or else the nearest to that."""
    own = np.log(np.maximum(tables[:_LUMA_AND_CHROMA], 1))
    theirs = _log_tables(quant_table)[:, : own.shape[0]]
    away = np.abs(np.average(own - theirs, axis=2, weights=_WEIGHTS).mean(axis=1)).round(9)
    return 100 - int(away[::-1].argmin())


@cache
def _log_tables(quant_table: int) -> Doubles:
    """The logarithms of the tables for qualities 1 to 100: (100, luma and chroma, 64)."""
    encoder = JpegEncoder(JpegOptions(quant_table=quant_table))
    pixels = Pixels(np.zeros((1, 8, 8, 3), np.uint8))
    files = (encoder.encode(pixels, quality) for quality in range(1, 101))
    return np.log([quantisation_tables(file)[:_LUMA_AND_CHROMA] for file in files])


def _scores(encoder: Encoder, pixels: int) -> Doubles:
    """The mean values of SSIMULACRA2 at qualities 1 to 100, as learned; they rise."""
    return np.maximum.accumulate(score_prior(encoder, SSIMULACRA2, pixels).mean)
