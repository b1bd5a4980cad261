"""The compiled loops of the image features."""

from __future__ import annotations

import numpy as np

from autoquality_core.runtime.arrays import Bytes, Floats, Indices
from autoquality_core.runtime.compilation import compiled

# numba's disk cache depends on this file alone, so it contains everything that is compiled.
BLOCK = 8
_AREA = BLOCK * BLOCK
_C1, _C2 = np.float32((0.01 * 255) ** 2), np.float32((0.03 * 255) ** 2)
_GREY = np.float32(128.0)


@compiled
def gather(frame: Bytes, rows: Indices, columns: Indices, weights: Floats, luma: Floats) -> None:
    """The luma of the blocks at `rows` and `columns` of a frame (height, width, bands) less 128.

    `weights` are those of the bands that are colours; a band more is alpha,
    which lies over white. `luma` (64, n) is filled.
    """
    colours = weights.size
    translucent = frame.shape[2] > colours
    for at in range(rows.size):
        top, left = rows[at] * BLOCK, columns[at] * BLOCK
        for y in range(BLOCK):
            for x in range(BLOCK):
                value = np.float32(0)
                for band in range(colours):
                    value += weights[band] * np.float32(frame[top + y, left + x, band])
                if translucent:
                    alpha = np.float32(frame[top + y, left + x, colours]) / np.float32(255)
                    value = value * alpha + np.float32(255) * (np.float32(1) - alpha)
                luma[BLOCK * y + x, at] = value - _GREY


@compiled
def gather_colours(
    frame: Bytes, rows: Indices, columns: Indices, weights: Floats, chroma: Floats
) -> None:
    """The chroma, halved in both directions, of the 16 x 16 squares at `rows` and `columns`.

    `frame` has the shape (height, width, 3), or 4 where alpha lies over white.
    `weights` (2, 3) are those of red, green and blue in Cb and Cr, a quarter
    of each. `chroma` (64, 2 n) is filled: every Cb, then every Cr.
    """
    count = rows.size
    translucent = frame.shape[2] > 3
    for at in range(count):
        top, left = 2 * BLOCK * rows[at], 2 * BLOCK * columns[at]
        for place in range(_AREA):
            y, x = top + 2 * (place // BLOCK), left + 2 * (place % BLOCK)
            blue, red = np.float32(0), np.float32(0)
            for pixel in range(4):
                one = frame[y + pixel // 2, x + pixel % 2]
                share = np.float32(one[3]) / np.float32(255) if translucent else np.float32(1)
                for band in range(3):
                    blue += share * weights[0, band] * np.float32(one[band])
                    red += share * weights[1, band] * np.float32(one[band])
            chroma[place, at] = blue
            chroma[place, count + at] = red


@compiled
def coded(coefficients: Floats, table: Floats, variance: Floats) -> tuple[float, float, float]:
    """Of blocks (64, n) coded at one strength: mean lack of SSIM, levels left, their bits, a block.

    The blocks are the windows of the SSIM (Wang et al. 2004, equation 13);
    variances and covariances by Parseval. A level of n takes about
    log2(1 + n) bits: those of a block are the logarithm of a product, which
    stays below 2 ** 1000.
    """
    count = coefficients.shape[1]
    energy, shared = np.zeros(count, np.float32), np.zeros(count, np.float32)
    left, product = np.zeros(count, np.float32), np.ones(count, np.float64)
    for wave in range(_AREA):
        step = table[wave]
        inverse = np.float32(1) / step
        seen = np.float32(0) if wave == 0 else step
        for at in range(count):  # of all blocks at once, which a processor has instructions for
            coefficient = coefficients[wave, at]
            level = np.rint(coefficient * inverse)
            restored = level * seen
            energy[at] += restored * restored
            shared[at] += restored * coefficient
            size = abs(level)
            left[at] += min(size, np.float32(1))
            product[at] *= np.float64(np.float32(1) + size)
    lack, levels, bits = 0.0, 0.0, 0.0
    for at in range(count):
        mean = coefficients[0, at] / np.float32(BLOCK) + _GREY
        again = np.rint(coefficients[0, at] / table[0]) * table[0] / np.float32(BLOCK) + _GREY
        likeness = (2 * mean * again + _C1) * (2 * shared[at] / np.float32(_AREA) + _C2)
        likeness /= mean * mean + again * again + _C1
        likeness /= variance[at] + energy[at] / np.float32(_AREA) + _C2
        lack += 1 - likeness
        levels += left[at]
        bits += np.log2(product[at])
    return lack / count, levels / count, bits / count
