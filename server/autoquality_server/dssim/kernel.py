"""The inner loops: local moments of an image, and SSIM from them.

Written for 32-bit floats. E[y^2] - E[y]^2 would cancel badly there, so every
variance is summed from differences to the window's own centre; and SSIM is not
computed but what it lacks to 1, from the difference image d = y - x:

    2 mx my  = mx^2 + my^2 - md^2        2 cov(x, y) = vx + vy - vd
    1 - SSIM = 1 - (1 - md^2 / (mx^2 + my^2 + C1)) (1 - vd / (vx + vy + C2))

which is exactly 0 where the images agree and loses no digits where they nearly
do. The window is separable: moments of 11-pixel columns first, at the sampled
rows only, then their weighted combination along the row. The work goes by
strips (see `sampling`) within bands of rows, through a few KiB of scratch.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from autoquality_server.compilation import compiled, inlined

Bytes = npt.NDArray[np.uint8]
Samples = npt.NDArray[np.int16]
Floats = npt.NDArray[np.float32]

# The cached machine code is tied to this file alone: what it is made from must
# stand here.
TAPS = 11
RADIUS = TAPS // 2
LANES = 64
# Pixels across a strip, rounded up so that the loops over them have no tail.
COLUMNS = LANES + 16
# Rows of windows in a band: a band's samples of a strip stay in the L1 cache.
BAND = 48
SLAB = BAND + TAPS - 1

_GAUSSIAN = np.exp(-(np.arange(RADIUS + 1) ** 2) / (2 * 1.5**2))
_GAUSSIAN /= 2 * _GAUSSIAN.sum() - _GAUSSIAN[0]
# The weight at each distance from the centre.
WEIGHTS = tuple(np.float32(weight) for weight in _GAUSSIAN)
C1 = np.float32((0.01 * 255) ** 2)
C2 = np.float32((0.03 * 255) ** 2)
ZERO = np.float32(0)


@inlined
def _strip_phase(strip: int, stride: int, rows: int) -> int:
    """The first row of windows that is measured in a strip."""
    return strip % min(stride, rows)


@inlined
def _first_sample(band: int, phase: int, stride: int) -> int:
    """How many of a strip's measured rows lie above row `band`."""
    return max(band - phase + stride - 1, 0) // stride


@inlined
def _load(slab: Samples, image: Bytes, top: int, left: int) -> None:
    """Copy a strip's part of a band to `slab`; what lies outside is left as it was."""
    height = min(SLAB, image.shape[0] - top)
    width = min(COLUMNS, image.shape[1] - left)
    for row in range(height):
        source = image[top + row, left : left + width]
        target = slab[row * COLUMNS : row * COLUMNS + width]
        if width == COLUMNS:
            for column in range(COLUMNS):
                target[column] = source[column]
        else:
            for column in range(width):
                target[column] = source[column]


@inlined
def _column_moments(slab: Samples, row: int, means: Floats, variances: Floats) -> None:
    """Weighted mean and variance of the 11 samples from `row` down, in each column."""
    taps = slab[row * COLUMNS : (row + TAPS) * COLUMNS]
    for column in range(COLUMNS):
        centre = np.float32(taps[RADIUS * COLUMNS + column])
        first = ZERO
        second = ZERO
        for distance in range(1, RADIUS + 1):
            above = np.float32(taps[(RADIUS - distance) * COLUMNS + column]) - centre
            below = np.float32(taps[(RADIUS + distance) * COLUMNS + column]) - centre
            first += WEIGHTS[distance] * (above + below)
            second += WEIGHTS[distance] * (above * above + below * below)
        means[column] = centre + first
        variances[column] = second - first * first


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


@compiled
def reference_moments(image: Bytes, stride: int, means: Floats, variances: Floats) -> None:
    """Fill in the mean and variance of every sampled window of `image`.

    `image` is (height, width), 11 pixels a side or more; the results are
    (strips, samples, LANES), where samples is the most that a strip has.
    """
    rows = image.shape[0] - TAPS + 1
    slab = np.zeros(SLAB * COLUMNS, np.int16)
    column_means = np.zeros(COLUMNS, np.float32)
    column_variances = np.zeros(COLUMNS, np.float32)
    for band in range(0, rows, BAND):
        for strip in range(means.shape[0]):
            _load(slab, image, band, strip * LANES)
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

    The images are (height, width); `means` and `variances` are those of
    `reference_moments` for the same stride.
    """
    rows = reference.shape[0] - TAPS + 1
    columns = reference.shape[1] - TAPS + 1
    strips = means.shape[0]
    slab_d = np.zeros(SLAB * COLUMNS, np.int16)
    slab_y = np.zeros(SLAB * COLUMNS, np.int16)
    y_means = np.zeros(COLUMNS, np.float32)
    y_variances = np.zeros(COLUMNS, np.float32)
    d_means = np.zeros(COLUMNS, np.float32)
    d_variances = np.zeros(COLUMNS, np.float32)
    lanes = np.zeros(LANES, np.float64)
    totals = np.zeros(strips, np.float64)
    for band in range(0, rows, BAND):
        for strip in range(strips):
            _load(slab_d, reference, band, strip * LANES)
            _load(slab_y, distorted, band, strip * LANES)
            # From here on it holds what its name says.
            for index in range(SLAB * COLUMNS):
                slab_d[index] = slab_y[index] - slab_d[index]
            phase = _strip_phase(strip, stride, rows)
            sample = _first_sample(band, phase, stride)
            lanes[:] = 0
            for row in range(phase + sample * stride, min(band + BAND, rows), stride):
                _column_moments(slab_y, row - band, y_means, y_variances)
                _column_moments(slab_d, row - band, d_means, d_variances)
                x_means = means[strip, sample]
                x_variances = variances[strip, sample]
                for lane in range(LANES):
                    my, vy = _window_moments(y_means, y_variances, lane)
                    md, vd = _window_moments(d_means, d_variances, lane)
                    luminance = x_means[lane] * x_means[lane] + my * my + C1
                    contrast = x_variances[lane] + vy + C2
                    lack = md * md * (contrast - vd) + vd * luminance
                    lanes[lane] += lack / (luminance * contrast)
                sample += 1
            for lane in range(min(LANES, columns - strip * LANES)):
                totals[strip] += lanes[lane]
    total = 0.0
    for strip in range(strips):
        phase = _strip_phase(strip, stride, rows)
        # Every column of windows weighs the same, however many rows its strip sampled.
        total += totals[strip] / _first_sample(rows, phase, stride)
    return float(total / columns)
