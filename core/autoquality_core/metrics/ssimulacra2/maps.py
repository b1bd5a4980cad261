"""The inner loops: the blur of planes, and sums over the error maps.

Every operation on 32-bit floats is libjxl's, in its order, with its fused multiply-adds. Near 100
a ten-thousandth of a map's mean is a whole point, so the rounding of the recursive blur is a part
of the score.

The blur runs along rows first. There the recursion goes from column to column, so a vector holds
one column of a block of rows. libjxl computes four outputs at a time, which affects their rounding.
The second pass goes from row to row, and a vector holds a part of a row. The blurred
rows of the first pass stay in a ring: the second needs the row 4 below and the row 6 above. It
makes four rows at a time, with its state in registers.

Arrays are flat where rows of several are combined: numba takes long to make views, and LLVM
vectorises a loop only if it can prove that few arrays overlap.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from autoquality_core.runtime.arrays import Doubles, Floats
from autoquality_core.runtime.compilation import compiled, fused, inlined, transposed

# numba's disk cache depends on this file alone, so it contains everything that is compiled.
LANES = 16
BELOW, ABOVE = 4, 6
"""The distances of the two inputs that the recursion adds for one output."""
REACH = BELOW + ABOVE
BAND = 2 * LANES
STRIP = 128
GROUP = 4
"""Rows that the second pass makes at a time."""
QUANTITIES = 5
"""What is blurred: y, y^2, xy, x, x^2."""
SUMS = 6
"""Per plane, the sum of each of three error maps, then the sums of their fourth powers."""

_RADIUS = 5


def _coefficients() -> Any:
    """The recursion of three cosines, for one output at a time and for four.

    Charalampidis 2016, "Recursive implementation of the Gaussian filter using truncated cosine
    functions", for sigma 1.5; the numbers in brackets are its equations. Returns the factors of
    the input, of the last and of the last but one output: [output of four][cosine].
    """
    angle = np.array([1, 3, 5]) * math.pi / (2 * _RADIUS)  # (37)
    p = np.array([1, -1, 1]) / np.tan(angle / 2)
    r = np.array([1, -1, 1]) * p * p / np.sin(angle)  # (44)
    rho = np.exp(-0.5 * 1.5**2 * angle**2) / _RADIUS  # (50)
    whole = p[0] * r[1] - r[0] * p[1]
    zeta = np.array([p[1] * r[2] - r[1] * p[2], p[2] * r[0] - r[2] * p[0]]) / whole  # (52)
    system = np.array([p, r, [*zeta, 1.0]])
    beta = np.linalg.solve(system, [1, _RADIUS**2 - 1.5**2, zeta @ rho[:2] + rho[2]])  # (53)
    n, d = -beta * np.cos(angle * (_RADIUS + 1)), -2 * np.cos(angle)  # (33)
    # Out of y = n x - d y' - y'', applied up to four times.
    one = np.ones(3)
    inputs = [n, -d * n, d * d * n - n, -d * d * d * n + 2 * d * n]
    last = [-d, d * d - 1, -d * d * d + 2 * d, d**4 - 3 * d * d + 1]
    before = [-one, d, 1 - d * d, d * d * d - 2 * d]
    return np.array([inputs, last, before], np.float32)


INPUTS, LAST, BEFORE = _coefficients()
ZERO, ONE, TWO = np.float32(0), np.float32(1), np.float32(2)
C2 = np.float32(0.0009)


@inlined
def _columns(x: Floats, width: int, row: int, out: Floats) -> None:
    """Turn a block of rows of a flat plane into columns: out[(ABOVE + column) * LANES + row]."""
    rows = x.size // width - row
    whole = width // LANES * LANES if rows >= LANES else 0
    for column in range(0, whole, LANES):
        at = np.uintp(row * width + column)
        transposed(x, at, np.uintp(width), out, np.uintp((column + ABOVE) * LANES), np.uintp(LANES))
    for lane in range(LANES):
        for column in range(whole, width):
            light = x[(row + lane) * width + column] if lane < rows else ZERO
            out[(column + ABOVE) * LANES + lane] = light


@inlined
def _quantity(which: int, xs: Floats, ys: Floats, out: Floats) -> None:
    """Fill `out` with one of the `QUANTITIES`."""
    one = xs if which >= 3 else ys
    if which in {0, 3}:
        for at in range(out.size):
            out[at] = one[at]
    else:
        other = ys if which == 1 else xs
        for at in range(out.size):
            out[at] = one[at] * other[at]


@inlined
def _blur_rows(source: Floats, width: int, out: Floats, state: Floats) -> None:
    """Blur along a block of rows; `source` has ABOVE columns of zeros first, BELOW last.

    `out` are columns without those. `state` is scratch of 6 * LANES.
    """
    state[:] = 0
    one, two, three = np.uintp(LANES), np.uintp(2 * LANES), np.uintp(3 * LANES)
    n = -BELOW
    while n < width:
        if n >= 8 and n < width - 7:
            # An output stands ABOVE columns before its centre in `source`.
            first = np.uintp(n * LANES)
            last = np.uintp((n + REACH) * LANES)
            for lane in range(one):
                i0 = source[first + lane] + source[last + lane]
                i1 = source[first + one + lane] + source[last + one + lane]
                i2 = source[first + two + lane] + source[last + two + lane]
                i3 = source[first + three + lane] + source[last + three + lane]
                y0, y1, y2, y3 = ZERO, ZERO, ZERO, ZERO
                for cosine in range(np.uintp(3)):  # the last one first, as libjxl adds them
                    c = np.uintp(2) - cosine
                    at = c * one + lane
                    p, q = state[at], state[at + three]
                    n0, n1, n2, n3 = INPUTS[0, c], INPUTS[1, c], INPUTS[2, c], INPUTS[3, c]
                    o0 = fused(LAST[0, c], p, fused(BEFORE[0, c], q, i0 * n0))
                    o1 = fused(LAST[1, c], p, fused(BEFORE[1, c], q, fused(n0, i1, i0 * n1)))
                    o2 = fused(n0, i2, fused(n1, i1, i0 * n2))
                    o2 = fused(LAST[2, c], p, fused(BEFORE[2, c], q, o2))
                    o3 = fused(n0, i3, fused(n1, i2, fused(n2, i1, i0 * n3)))
                    o3 = fused(LAST[3, c], p, fused(BEFORE[3, c], q, o3))
                    state[at], state[at + three] = o3, o2
                    y0, y1, y2, y3 = o0 + y0, o1 + y1, o2 + y2, o3 + y3
                out[first + lane] = y0
                out[first + one + lane] = y1
                out[first + two + lane] = y2
                out[first + three + lane] = y3
            n += 4
        else:
            for lane in range(one):
                left = source[n * LANES + lane] if n >= 0 else ZERO
                i0 = left + source[(n + REACH) * LANES + lane]
                y0 = ZERO
                for cosine in range(np.uintp(3)):
                    c = np.uintp(2) - cosine
                    at = c * one + lane
                    p, q = state[at], state[at + three]
                    o0 = fused(LAST[0, c], p, fused(BEFORE[0, c], q, i0 * INPUTS[0, c]))
                    state[at], state[at + three] = o0, p
                    y0 = o0 + y0
                if n >= 0:
                    out[n * LANES + lane] = y0
            n += 1


@inlined
def _rows(columns: Floats, width: int, ring: Floats, first: int, pitch: int) -> None:
    """Turn a block of columns into rows of a flat ring, from `first` on.

    Writes whole vectors; a pitch has room for them.
    """
    for column in range(0, width, LANES):
        at = np.uintp(column * LANES)
        transposed(columns, at, np.uintp(LANES), ring, np.uintp(first + column), np.uintp(pitch))


@inlined
def _blur_down(
    ring: Floats, first: int, pitch: int, state: Floats, state_at: int, out: Floats, out_at: int
) -> None:
    """The next `GROUP` rows of the second pass, for a strip.

    The row ABOVE the first one begins at `first` of the ring. `state` has the three outputs of the
    last row and of the one before, STRIP numbers each. The rows of `out` are QUANTITIES * STRIP
    apart.
    """
    above, step, reach = np.uintp(first), np.uintp(pitch), np.uintp(REACH * pitch)
    begin, to, strip = np.uintp(state_at), np.uintp(out_at), np.uintp(STRIP)
    apart = np.uintp(QUANTITIES) * strip
    for lane in range(strip):
        row, place = above + lane, to + lane
        i0, i1 = ring[row] + ring[row + reach], ring[row + step] + ring[row + step + reach]
        row += step + step
        i2, i3 = ring[row] + ring[row + reach], ring[row + step] + ring[row + step + reach]
        y0, y1, y2, y3 = ZERO, ZERO, ZERO, ZERO
        for cosine in range(np.uintp(3)):
            c = np.uintp(2) - cosine
            at = begin + c * strip + lane
            last, other = state[at], state[at + np.uintp(3) * strip]
            n, d = INPUTS[0, c], LAST[0, c]
            other = fused(n, i0, fused(d, last, -other))
            y0 = other + y0
            last = fused(n, i1, fused(d, other, -last))
            y1 = last + y1
            other = fused(n, i2, fused(d, last, -other))
            y2 = other + y2
            last = fused(n, i3, fused(d, other, -last))
            y3 = last + y3
            state[at], state[at + np.uintp(3) * strip] = last, other
        out[place], out[place + apart] = y0, y1
        out[place + apart + apart], out[place + apart + apart + apart] = y2, y3


@inlined
def _add_maps(
    x: Floats,
    y: Floats,
    first: int,
    count: int,
    blurred: Floats,
    at: int,
    mean: Floats,
    mean_at: int,
    square: Floats,
    square_at: int,
    sums: Floats,
) -> None:
    """Add the values of the three maps, in a part of a row, to `sums`.

    `blurred` has y, y^2 and xy from `at` on, STRIP numbers each; `mean` and `square` are the
    blurred x and x^2. The difference of the two terms of SSIM is exactly 0 where the images agree.
    """
    here, row = np.uintp(at), np.uintp(first)
    m, q = np.uintp(mean_at), np.uintp(square_at)
    for lane in range(np.uintp(count)):
        mx, my = mean[m + lane], blurred[here + lane]
        yy, xy = blurred[here + np.uintp(STRIP) + lane], blurred[here + np.uintp(2 * STRIP) + lane]
        apart = mx - my
        covariance = TWO * (xy - mx * my) + C2
        variances = (square[q + lane] - mx * mx) + (yy - my * my) + C2
        edge = abs(x[row + lane] - mx)
        change = abs(y[row + lane] - my) - edge
        whole = ONE + edge
        # One division for both ratios: lack / variances and change / whole.
        inverse = ONE / (variances * whole)
        lack = max((variances - (ONE - apart * apart) * covariance) * whole * inverse, ZERO)
        change = change * variances * inverse
        ringing, blur = max(change, ZERO), max(-change, ZERO)
        sums[lane] += lack
        sums[lane + np.uintp(STRIP)] += ringing
        sums[lane + np.uintp(2 * STRIP)] += blur
        lack *= lack
        ringing *= ringing
        blur *= blur
        sums[lane + np.uintp(3 * STRIP)] += lack * lack
        sums[lane + np.uintp(4 * STRIP)] += ringing * ringing
        sums[lane + np.uintp(5 * STRIP)] += blur * blur


@inlined
def _copy(source: Floats, first: int, count: int, target: Floats, to: int) -> None:
    for at in range(np.uintp(count)):
        target[np.uintp(to) + at] = source[np.uintp(first) + at]


def _sum_maps(  # noqa: C901, PLR0912  # calls of other functions are slower
    x: Floats, y: Floats, mean: Floats, square: Floats, known: bool, sums: Doubles
) -> None:
    """Fill in the `SUMS` of a plane; x and y are (height, width).

    `mean` and `square`, of the same shape, are the blurred x and x^2: read if they are `known`,
    else filled in. If they are empty, they are not kept.
    """
    height, width = x.shape
    flat_x, flat_y = x.reshape(-1), y.reshape(-1)
    flat_mean, flat_square = mean.reshape(-1), square.reshape(-1)
    strips = (width + STRIP - 1) // STRIP
    pitch = strips * STRIP
    blurs = 3 if known else QUANTITIES
    columns = np.zeros((3, (width + REACH) * LANES), np.float32)
    xs, ys, source = columns[0], columns[1], columns[2]
    across = np.zeros((width + LANES) * LANES, np.float32)
    scratch = np.empty(6 * LANES, np.float32)
    size = (BAND + REACH) * pitch
    ring = np.zeros(blurs * size, np.float32)
    state = np.zeros(blurs * 6 * pitch, np.float32)
    blurred = np.empty(GROUP * QUANTITIES * STRIP, np.float32)
    lanes = np.zeros(SUMS * STRIP, np.float32)
    sums[:] = 0
    for band in range(0, height + BELOW, BAND):
        for block in range(0, BAND, LANES):
            _columns(flat_x, width, band + block, xs)
            _columns(flat_y, width, band + block, ys)
            for which in range(blurs):
                _quantity(which, xs, ys, source)
                _blur_rows(source, width, across, scratch)
                _rows(across, width, ring, which * size + (REACH + block) * pitch, pitch)
        for strip in range(strips):
            left = strip * STRIP
            count = min(STRIP, width - left)
            lanes[:] = 0
            for row in range(0, min(BAND, height + BELOW - band), GROUP):
                for which in range(blurs):
                    first = which * size + row * pitch + left
                    state_at = 6 * (which * pitch + left)
                    _blur_down(ring, first, pitch, state, state_at, blurred, which * STRIP)
                top = band + row - BELOW
                for offset in range(min(GROUP, height - top) if top >= 0 else 0):
                    start = (top + offset) * width + left
                    at = offset * QUANTITIES * STRIP
                    if known:
                        of_mean, of_square = flat_mean, flat_square
                        mean_at, square_at = start, start
                    else:
                        of_mean, of_square = blurred, blurred
                        mean_at, square_at = at + 3 * STRIP, at + 4 * STRIP
                        if mean.size > 0:
                            _copy(blurred, mean_at, count, flat_mean, start)
                            _copy(blurred, square_at, count, flat_square, start)
                    _add_maps(
                        flat_x, flat_y, start, count, blurred, at,
                        of_mean, mean_at, of_square, square_at, lanes,
                    )  # fmt: skip
            for which in range(SUMS):
                total = 0.0
                for lane in range(count):
                    total += lanes[which * STRIP + lane]
                sums[which] += total
        for which in range(blurs):
            _copy(ring, which * size + BAND * pitch, REACH * pitch, ring, which * size)


sum_maps = compiled(_sum_maps, as_written=True)
