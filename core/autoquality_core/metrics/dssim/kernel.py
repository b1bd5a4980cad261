"""The inner loops: local moments of an image, and SSIM from them.

Written for 32-bit floats. There, E[y^2] - E[y]^2 would lose most digits, so every variance is the
sum of differences to the window's own centre. For the same reason the kernel computes 1 - SSIM,
from the difference image d = y - x:

    2 mx my  = mx^2 + my^2 - md^2        2 cov(x, y) = vx + vy - vd
    1 - SSIM = 1 - (1 - md^2 / (mx^2 + my^2 + C1)) (1 - vd / (vx + vy + C2))

It is exactly 0 where the images agree, and keeps its digits where they nearly do. Sums over y are
not needed: my = mx + md, and vy = vx + 2 cov(x, d) + vd. The covariance may be a plain
E[x d] - mx md: it is added to C2 in a denominator, and its error is small where d is small.

The window is separable: moments of 11-pixel columns first, at the sampled rows only, then their
weighted combination along the row. The loops go through strips (see `reference`) within bands of
rows, with scratch arrays that stay in the L1 cache.
"""

from __future__ import annotations

import numpy as np

from autoquality_core.runtime.arrays import Bytes, Floats
from autoquality_core.runtime.compilation import compiled, inlined

# numba's disk cache depends on this file alone, so it contains everything that is compiled.
TAPS = 11
RADIUS = TAPS // 2
LANES = 64
# Pixels across a strip, rounded up so that the loops over them have no tail.
COLUMNS = LANES + 16
# Rows of windows in a band. With more, two slabs and their sources do not fit the L1 cache.
BAND = 24
SLAB = BAND + TAPS - 1

_GAUSSIAN = np.exp(-(np.arange(RADIUS + 1) ** 2) / (2 * 1.5**2))
_GAUSSIAN /= 2 * _GAUSSIAN.sum() - _GAUSSIAN[0]
# The weight at each distance from the centre.
WEIGHTS = tuple(np.float32(weight) for weight in _GAUSSIAN)
C1 = np.float32((0.01 * 255) ** 2)
C2 = np.float32((0.03 * 255) ** 2)
ZERO = np.float32(0)
# Subtracted from every sample of x: products of smaller numbers lose fewer digits.
GREY = np.float32(128)
# A vector of 512 bits: scratch that begins at a multiple of it is stored to in one piece.
_BYTES, _FLOATS = 64, 16


@inlined
def _scratch(size: int) -> Floats:
    """Zeros that begin where a vector does."""
    room = np.zeros(size + _FLOATS, np.float32)
    skipped = (_BYTES - room.ctypes.data % _BYTES) // 4 % _FLOATS
    return room[skipped : skipped + size]


@inlined
def _strip_phase(strip: int, stride: int, rows: int) -> int:
    """The first row of windows that is measured in a strip."""
    return strip % min(stride, rows)


@inlined
def _first_sample(band: int, phase: int, stride: int) -> int:
    """The number of measured rows of a strip above row `band`."""
    return max(band - phase + stride - 1, 0) // stride


# Loops that fill slabs use unsigned indices: numba then omits the check for negative ones.


@inlined
def _load(slab: Floats, image: Bytes, pitch: int, top: int, left: int) -> None:
    """Copy a strip's part of a band to `slab`; the rest of `slab` does not change.

    `image` is flat, `pitch` pixels a row.
    """
    width = min(COLUMNS, pitch - left)
    for row in range(min(SLAB, image.size // pitch - top)):
        source = np.uintp((top + row) * pitch + left)
        target = np.uintp(row * COLUMNS)
        if width == COLUMNS:
            for column in range(np.uintp(COLUMNS)):
                slab[target + column] = np.float32(image[source + column]) - GREY
        else:
            for column in range(np.uintp(width)):
                slab[target + column] = np.float32(image[source + column]) - GREY


@inlined
def _load_both(
    slab_x: Floats, slab_d: Floats, x: Bytes, y: Bytes, pitch: int, top: int, left: int
) -> None:
    """As `_load`, for the first image and its difference to the second."""
    width = min(COLUMNS, pitch - left)
    for row in range(min(SLAB, x.size // pitch - top)):
        source = np.uintp((top + row) * pitch + left)
        target = np.uintp(row * COLUMNS)
        if width == COLUMNS:
            for column in range(np.uintp(COLUMNS)):
                sample = np.float32(x[source + column])
                slab_x[target + column] = sample - GREY
                slab_d[target + column] = np.float32(y[source + column]) - sample
        else:
            for column in range(np.uintp(width)):
                sample = np.float32(x[source + column])
                slab_x[target + column] = sample - GREY
                slab_d[target + column] = np.float32(y[source + column]) - sample


@inlined
def _column_moments(slab: Floats, row: int, means: Floats, variances: Floats) -> None:
    """Weighted mean and variance of the 11 samples from `row` down, in each column."""
    taps = slab[row * COLUMNS : (row + TAPS) * COLUMNS]
    for column in range(COLUMNS):
        centre = taps[RADIUS * COLUMNS + column]
        first = ZERO
        second = ZERO
        for distance in range(1, RADIUS + 1):
            above = taps[(RADIUS - distance) * COLUMNS + column] - centre
            below = taps[(RADIUS + distance) * COLUMNS + column] - centre
            first += WEIGHTS[distance] * (above + below)
            second += WEIGHTS[distance] * (above * above + below * below)
        means[column] = centre + first
        variances[column] = second - first * first


@inlined
def _column_moments_of_both(
    slab_x: Floats, slab_d: Floats, row: int, means: Floats, variances: Floats, products: Floats
) -> None:
    """As `_column_moments` for d, and the weighted mean of the products of x and d."""
    x = slab_x[row * COLUMNS : (row + TAPS) * COLUMNS]
    d = slab_d[row * COLUMNS : (row + TAPS) * COLUMNS]
    for column in range(COLUMNS):
        centre = d[RADIUS * COLUMNS + column]
        first = ZERO
        second = ZERO
        product = WEIGHTS[0] * (x[RADIUS * COLUMNS + column] * centre)
        for distance in range(1, RADIUS + 1):
            upper = (RADIUS - distance) * COLUMNS + column
            lower = (RADIUS + distance) * COLUMNS + column
            product += WEIGHTS[distance] * (x[upper] * d[upper] + x[lower] * d[lower])
            above = d[upper] - centre
            below = d[lower] - centre
            first += WEIGHTS[distance] * (above + below)
            second += WEIGHTS[distance] * (above * above + below * below)
        means[column] = centre + first
        variances[column] = second - first * first
        products[column] = product


@inlined
def _window_moments(means: Floats, variances: Floats, lane: int) -> tuple[np.float32, np.float32]:
    """Mean and variance of the window whose columns start at `lane`."""
    middle = lane + RADIUS
    centre = means[middle]
    first = ZERO
    second = WEIGHTS[0] * variances[middle]
    for distance in range(1, RADIUS + 1):
        before = means[middle - distance] - centre
        after = means[middle + distance] - centre
        first += WEIGHTS[distance] * (before + after)
        second += WEIGHTS[distance] * (
            variances[middle - distance]
            + variances[middle + distance]
            + before * before
            + after * after
        )
    return centre + first, second - first * first


@inlined
def _window_product(products: Floats, lane: int) -> np.float32:
    """Mean product in the window whose columns start at `lane`."""
    middle = lane + RADIUS
    product: np.float32 = WEIGHTS[0] * products[middle]
    for distance in range(1, RADIUS + 1):
        pair = products[middle - distance] + products[middle + distance]
        product += WEIGHTS[distance] * pair
    return product


@compiled
def reference_moments(image: Bytes, stride: int, means: Floats, variances: Floats) -> None:
    """Fill in the mean and variance of every sampled window of `image`.

    `image` is (height, width), contiguous, 11 pixels a side or more. The results are (strips,
    samples, LANES), where samples is the largest number in a strip. 128 is subtracted from means.
    """
    rows = image.shape[0] - TAPS + 1
    pitch = image.shape[1]
    flat = image.reshape(-1)
    slab = _scratch(SLAB * COLUMNS)
    column_means = _scratch(COLUMNS)
    column_variances = _scratch(COLUMNS)
    for band in range(0, rows, BAND):
        for strip in range(means.shape[0]):
            _load(slab, flat, pitch, band, strip * LANES)
            phase = _strip_phase(strip, stride, rows)
            sample = _first_sample(band, phase, stride)
            for row in range(phase + sample * stride, min(band + BAND, rows), stride):
                _column_moments(slab, row - band, column_means, column_variances)
                window_means = means[strip, sample]
                window_variances = variances[strip, sample]
                for lane in range(LANES):
                    mean, variance = _window_moments(column_means, column_variances, lane)
                    window_means[lane] = mean
                    window_variances[lane] = variance
                sample += 1


@compiled
def mean_dissimilarity(
    reference: Bytes, distorted: Bytes, stride: int, means: Floats, variances: Floats
) -> float:
    """The mean of 1 - SSIM over the sampled windows.

    The images are (height, width), contiguous; `means` and `variances` are those of
    `reference_moments` for the same stride.
    """
    rows = reference.shape[0] - TAPS + 1
    columns = reference.shape[1] - TAPS + 1
    pitch = reference.shape[1]
    x = reference.reshape(-1)
    y = distorted.reshape(-1)
    strips = means.shape[0]
    slab_x = _scratch(SLAB * COLUMNS)
    slab_d = _scratch(SLAB * COLUMNS)
    d_means = _scratch(COLUMNS)
    d_variances = _scratch(COLUMNS)
    xd_means = _scratch(COLUMNS)
    lacks = _scratch(LANES)
    lanes = np.zeros(LANES, np.float64)
    totals = np.zeros(strips, np.float64)
    for band in range(0, rows, BAND):
        for strip in range(strips):
            _load_both(slab_x, slab_d, x, y, pitch, band, strip * LANES)
            phase = _strip_phase(strip, stride, rows)
            sample = _first_sample(band, phase, stride)
            lanes[:] = 0
            for row in range(phase + sample * stride, min(band + BAND, rows), stride):
                _column_moments_of_both(slab_x, slab_d, row - band, d_means, d_variances, xd_means)
                x_means = means[strip, sample]
                x_variances = variances[strip, sample]
                for lane in range(LANES):
                    md, vd = _window_moments(d_means, d_variances, lane)
                    covariance = _window_product(xd_means, lane) - x_means[lane] * md
                    mx = x_means[lane] + GREY
                    my = mx + md
                    luminance = mx * mx + my * my + C1
                    contrast = x_variances[lane] + x_variances[lane] + vd + C2
                    contrast += covariance + covariance
                    lack = md * md * (contrast - vd) + vd * luminance
                    lacks[lane] = lack / (luminance * contrast)
                # A loop of its own: the vectors of the loop above have twice as many numbers.
                for lane in range(LANES):
                    lanes[lane] += lacks[lane]
                sample += 1
            for lane in range(min(LANES, columns - strip * LANES)):
                totals[strip] += lanes[lane]
    total = 0.0
    for strip in range(strips):
        phase = _strip_phase(strip, stride, rows)
        # Every column of windows has the same weight, for any number of sampled rows.
        total += totals[strip] / _first_sample(rows, phase, stride)
    return float(total / columns)
