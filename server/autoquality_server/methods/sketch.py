"""A sketch of an image: some fifty numbers from which its curves can be told roughly.

A thousand blocks of it are transformed, quantised at a few strengths, and
measured: how much detail there is, what quantisation costs in DSSIM and about
how many bits are left. That takes a millisecond, whatever the image's size.
What the numbers say of an encoder's curves is learned (`priors/*.sketch.json`).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from autoquality_server.image import Pixels
from autoquality_server.image.blocks import (
    BLOCK,
    LUMA,
    bands,
    cosine_transform,
    flat_table,
    jpeg_table,
)

FloatArray = npt.NDArray[np.float64]
_Array = npt.NDArray[np.floating]

BLOCKS = 1024
"""How many blocks are looked at; all, where an image has no more."""

_C1, _C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
_GREY = 128.0
_AREA = BLOCK * BLOCK
_GOLDEN = 0.6180339887498949

_TRANSFORM = np.ascontiguousarray(cosine_transform().T)
_BANDS = bands()
_TABLES = (*(jpeg_table(quality) for quality in (20, 50, 75, 90)), flat_table(8.0))
_WAVES = np.full(_AREA, 1 / _AREA, np.float32)
_WAVES[0] = 0
"""Sums the squares of a block's coefficients to its variance (Parseval); the first is its mean."""

_VARIANCES = (4.0, 15.0, 60.0, 240.0, 960.0)

NUMBERS = 3 * len(_TABLES) + 2 * int(_BANDS.shape[1]) + 4 + len(_VARIANCES)


def sketch(pixels: Pixels) -> FloatArray:
    """The sketch of an image's first frame, shape (NUMBERS,), finite; alpha lies over white."""
    return of_blocks(_blocks(pixels))


def of_blocks(luma: npt.NDArray[np.floating]) -> FloatArray:
    """The sketch of blocks of luma (n, 64), 0 to 255."""
    coefficients = (luma.astype(np.float32) - np.float32(_GREY)) @ _TRANSFORM
    squares = coefficients * coefficients
    mean = coefficients[:, 0] / BLOCK + _GREY
    variance = squares @ _WAVES
    numbers: list[npt.ArrayLike] = []
    for table in _TABLES:
        numbers.extend(_coded(coefficients, table, mean, variance))
    energy = squares @ _BANDS
    numbers.extend(np.log(energy.mean(axis=0) + 1) / 2)
    numbers.extend(np.log(energy + 1).mean(axis=0) / 2)
    logarithms = np.log(variance + 1)
    numbers.extend([np.log(variance.mean() + 1), logarithms.mean(), logarithms.std()])
    numbers.append(mean.mean() / _GREY)
    numbers.extend((one / (variance + one)).mean() for one in _VARIANCES)
    return np.array(numbers, np.float64)


def _coded(coefficients: _Array, table: _Array, mean: _Array, variance: _Array) -> list[float]:
    """Of blocks coded at one strength: DSSIM, coefficients that are left, their bits; logarithms.

    The blocks are the windows of the DSSIM (Wang et al. 2004, equation 13). A
    level of n takes about log2(1 + n) bits.
    """
    levels = np.rint(coefficients * (1 / table))
    coded_mean = levels[:, 0] * (table[0] / BLOCK) + _GREY
    coded_variance = (levels * levels) @ (_WAVES * table * table)
    covariance = (levels * coefficients) @ (_WAVES * table)
    ssim = (2 * mean * coded_mean + _C1) * (2 * covariance + _C2)
    ssim /= (mean * mean + coded_mean * coded_mean + _C1) * (variance + coded_variance + _C2)
    left = np.abs(levels[levels != 0])
    per_block = left.size / len(levels)
    bits = float(np.log2(1 + left).sum()) / len(levels)
    return [
        -np.log(max(float((1 - ssim).mean()) / 2, 0.0) + 1e-5),
        np.log(per_block + 0.05),
        np.log(bits + 0.05),
    ]


def _blocks(pixels: Pixels) -> _Array:
    """Up to BLOCKS blocks of luma, (n, 64), spread evenly; those at a cut-off edge are not seen."""
    frame = pixels.samples[0]
    short = [max(BLOCK - side, 0) for side in frame.shape[:2]]
    if any(short):
        frame = np.pad(frame, ((0, short[0]), (0, short[1]), (0, 0)), mode="edge")
    down, across = frame.shape[0] // BLOCK, frame.shape[1] // BLOCK
    count = min(down * across, BLOCKS)
    at = ((np.arange(count) + 0.5) * (down * across / count)).astype(np.intp)
    rows, columns = np.divmod(at, across)
    # Each row begins elsewhere, or the blocks of a picture of columns would all be alike.
    columns = (columns + (rows * (_GOLDEN * across)).astype(np.intp)) % across
    grid = frame[: down * BLOCK, : across * BLOCK].reshape(down, BLOCK, across, BLOCK, -1)
    found = grid.transpose(0, 2, 1, 3, 4)[rows, columns].astype(np.float32)
    if found.shape[-1] in (2, 4):
        alpha = found[..., -1:] / 255
        found = found[..., :-1] * alpha + 255 * (1 - alpha)
    grey = found @ LUMA if found.shape[-1] == len(LUMA) else found[..., 0]
    luma: _Array = grey.reshape(count, _AREA)
    return luma
