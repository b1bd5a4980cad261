"""Features of an image: some fifty numbers that predict its curves roughly.

A thousand blocks are transformed and quantised at a few strengths. The features measure how
much detail there is, how much quantisation costs in DSSIM, and how many bits are left. That
takes half a millisecond for an image of any size. A learned regression maps the features to
an encoder's curves (`priors/*.features.json`).
"""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

from autoquality_core.images import Pixels
from autoquality_core.images.blocks import (
    BLOCK,
    CHROMA,
    LUMA,
    at_least,
    bands,
    cosine_transform,
    flat_table,
    jpeg_table,
    spread,
)
from autoquality_core.priors import structure
from autoquality_core.priors.features_kernel import coded, gather, gather_colours
from autoquality_core.runtime.arrays import Bytes, Doubles, Floats, Indices
from autoquality_core.runtime.products import product

BLOCKS = 1024
SQUARES = 256
"""The most blocks of luma, and squares of 16 x 16 pixels of chroma, that are sampled."""

_GREY = 128.0
_AREA = BLOCK * BLOCK
_CHROMA = CHROMA / np.float32(4)
_AS_IT_IS = np.ones(1, np.float32)

_TRANSFORM = cosine_transform()
_BANDS = np.ascontiguousarray(bands().T)
_TABLES = (*(jpeg_table(quality) for quality in (20, 50, 75, 90)), flat_table(8.0))
_WAVES = np.full(_AREA, 1 / _AREA, np.float32)
_WAVES[0] = 0
"""Sums the squares of a block's coefficients to its variance (Parseval); the first is its mean."""

_VARIANCES = (4.0, 15.0, 60.0, 240.0, 960.0)

NUMBERS = 3 * len(_TABLES) + 2 * len(_BANDS) + 4 + len(_VARIANCES)
COLOURED_NUMBERS = NUMBERS + 2 * len(_TABLES) + len(_BANDS)
ALL_NUMBERS = COLOURED_NUMBERS + structure.NUMBERS


def luma_features(pixels: Pixels) -> Doubles:
    """The features of the first frame's luma, shape (NUMBERS,), finite; alpha lies over white."""
    return _described(_luma(*_squares(pixels, BLOCK, BLOCKS)))


def with_chroma(features: Doubles, pixels: Pixels) -> Doubles:
    """The features of the luma and of the chroma, shape (COLOURED_NUMBERS,), for sizes.

    The chroma is halved in both directions, as most encoders do.
    """
    return np.concatenate([features, _no_colours() if pixels.bands < 3 else _colours(pixels)])


def all_features(pixels: Pixels, known: Doubles | None = None) -> Doubles:
    """Those of luma, chroma and structure, shape (ALL_NUMBERS,), to compare encoders by.

    `known` are those of luma and chroma, if they were computed before.
    """
    if known is None:
        known = with_chroma(luma_features(pixels), pixels)
    frame, *squares = _squares(pixels, structure.SIDE * BLOCK, SQUARES)
    blocks = _some(frame, BLOCK, BLOCKS)
    return np.concatenate(
        [
            known,
            structure.repetition(frame, *blocks),
            structure.edges(frame, *blocks),
            structure.smoothness(frame, *squares),
        ]
    )


def _described(luma: Floats) -> Doubles:
    """The features of blocks of luma (64, n) less 128."""
    coefficients = product(_TRANSFORM, luma)
    squares = coefficients * coefficients
    variance = _WAVES @ squares
    numbers: list[npt.ArrayLike] = []
    for table in _TABLES:
        lack, left, bits = coded(coefficients, table, variance)
        numbers += [
            -np.log(max(lack / 2, 0.0) + 1e-5),
            np.log(left + 0.05),
            np.log(bits + 0.05),
        ]
    energy = product(_BANDS, squares)
    numbers.extend(np.log(energy.mean(axis=1) + 1) / 2)
    numbers.extend(np.log(energy + 1).mean(axis=1) / 2)
    logarithms = np.log(variance + 1)
    numbers.extend([np.log(variance.mean() + 1), logarithms.mean(), logarithms.std()])
    numbers.append(1 + coefficients[0].mean() / (BLOCK * _GREY))
    numbers.extend((one / (variance + one)).mean() for one in _VARIANCES)
    return np.array(numbers, np.float64)


def _colours(pixels: Pixels) -> Doubles:
    frame, rows, columns = _squares(pixels, 2 * BLOCK, SQUARES)
    chroma = np.empty((_AREA, 2 * rows.size), np.float32)
    gather_colours(frame, rows, columns, _CHROMA, chroma)
    return _described_colours(chroma)


def _described_colours(chroma: Floats) -> Doubles:
    coefficients = product(_TRANSFORM, chroma)
    squares = coefficients * coefficients
    variance = _WAVES @ squares
    numbers: list[npt.ArrayLike] = []
    for table in _TABLES:
        _, left, bits = coded(coefficients, table, variance)
        numbers += [np.log(left + 0.01), np.log(bits + 0.01)]
    numbers.extend(np.log(product(_BANDS, squares) + 1).mean(axis=1) / 2)
    return np.array(numbers, np.float64)


def _luma(frame: Bytes, rows: Indices, columns: Indices) -> Floats:
    """The luma less 128 of blocks of a frame, (64, n)."""
    luma = np.empty((_AREA, rows.size), np.float32)
    gather(frame, rows, columns, LUMA if frame.shape[2] > 2 else _AS_IT_IS, luma)
    return luma


def _squares(pixels: Pixels, side: int, most: int) -> tuple[Bytes, Indices, Indices]:
    """The first frame, and the rows and columns of up to `most` of its squares of `side` pixels.

    A frame (height, width, bands) smaller than a square is padded by repeating its edges.
    """
    frame = at_least(pixels.samples[0], side)
    return frame, *_some(frame, side, most)


def _some(frame: Bytes, side: int, most: int) -> tuple[Indices, Indices]:
    """The rows and columns of up to `most` squares of `side` pixels, spread evenly."""
    down, across = frame.shape[0] // side, frame.shape[1] // side
    return spread(down, across, min(down * across, most))


@cache
def _no_colours() -> Doubles:
    """The features of a chroma of zeros, for grey images."""
    return _described_colours(np.zeros((_AREA, 1), np.float32))
