"""The inner loops: the blur of planes, and sums over the error maps.

Every operation on 32-bit floats is libjxl's, in its order, with its fused multiply-adds. Near 100
a ten-thousandth of a map's mean is a whole point, so the rounding of the recursive blur is a part
of the score.

The blur runs along rows first. There the recursion goes from column to column, so a vector holds
one column of a block of rows; libjxl computes four outputs at a time, which decides how they are
rounded. The second pass goes from row to row, and a vector holds a part of a row. The blurred
rows of the first pass stay in a ring: the second needs the row 4 below and the row 6 above.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from autoquality_core.runtime.compilation import compiled, fused, inlined

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]

# numba's disk cache depends on this file alone, so it contains everything that is compiled.
LANES = 16
BELOW, ABOVE = 4, 6
"""The distances of the two inputs that the recursion adds for one output."""
REACH = BELOW + ABOVE
BAND = 2 * LANES
STRIP = 128
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
    return tuple(
        tuple(tuple(np.float32(value) for value in row) for row in table)
        for table in (inputs, last, before)
    )


(
    ((IA0, IB0, IC0), (IA1, IB1, IC1), (IA2, IB2, IC2), (IA3, IB3, IC3)),
    ((LA0, LB0, LC0), (LA1, LB1, LC1), (LA2, LB2, LC2), (LA3, LB3, LC3)),
    ((QA0, QB0, QC0), (QA1, QB1, QC1), (QA2, QB2, QC2), (QA3, QB3, QC3)),
) = _coefficients()

ZERO, ONE, TWO = np.float32(0), np.float32(1), np.float32(2)
C2 = np.float32(0.0009)


@inlined
def _columns(x: Floats, row: int, out: Floats) -> None:
    """Turn a block of rows into columns: out[(ABOVE + column) * LANES + row]."""
    width = x.shape[1]
    for lane in range(LANES):
        if row + lane < x.shape[0]:
            line = x[row + lane]
            for column in range(np.uintp(width)):
                out[(column + np.uintp(ABOVE)) * np.uintp(LANES) + np.uintp(lane)] = line[column]
        else:
            for column in range(np.uintp(width)):
                out[(column + np.uintp(ABOVE)) * np.uintp(LANES) + np.uintp(lane)] = ZERO


@inlined
def _blur_rows(  # noqa: PLR0915  # four outputs of three cosines
    source: Floats, width: int, out: Floats, state: Floats
) -> None:
    """Blur along a block of rows; `source` has ABOVE columns of zeros first, BELOW last.

    `out` are columns without those. `state` is scratch of 6 * LANES.
    """
    state[:] = 0
    n = -BELOW
    while n < width:
        if n >= 8 and n < width - 7:
            first = np.uintp((n + ABOVE - ABOVE) * LANES)
            last = np.uintp((n + ABOVE + BELOW) * LANES)
            target = np.uintp(n * LANES)
            for lane in range(np.uintp(LANES)):
                i0 = source[first + lane] + source[last + lane]
                i1 = source[first + np.uintp(LANES) + lane] + source[last + np.uintp(LANES) + lane]
                i2 = (
                    source[first + np.uintp(2 * LANES) + lane]
                    + source[last + np.uintp(2 * LANES) + lane]
                )
                i3 = (
                    source[first + np.uintp(3 * LANES) + lane]
                    + source[last + np.uintp(3 * LANES) + lane]
                )
                p, q = state[lane], state[lane + np.uintp(3 * LANES)]
                a0 = fused(LA0, p, fused(QA0, q, i0 * IA0))
                a1 = fused(LA1, p, fused(QA1, q, fused(IA0, i1, i0 * IA1)))
                a2 = fused(LA2, p, fused(QA2, q, fused(IA0, i2, fused(IA1, i1, i0 * IA2))))
                a3 = fused(IA0, i3, fused(IA1, i2, fused(IA2, i1, i0 * IA3)))
                a3 = fused(LA3, p, fused(QA3, q, a3))
                state[lane], state[lane + np.uintp(3 * LANES)] = a3, a2
                p, q = state[lane + np.uintp(1 * LANES)], state[lane + np.uintp(4 * LANES)]
                b0 = fused(LB0, p, fused(QB0, q, i0 * IB0))
                b1 = fused(LB1, p, fused(QB1, q, fused(IB0, i1, i0 * IB1)))
                b2 = fused(LB2, p, fused(QB2, q, fused(IB0, i2, fused(IB1, i1, i0 * IB2))))
                b3 = fused(IB0, i3, fused(IB1, i2, fused(IB2, i1, i0 * IB3)))
                b3 = fused(LB3, p, fused(QB3, q, b3))
                state[lane + np.uintp(1 * LANES)], state[lane + np.uintp(4 * LANES)] = b3, b2
                p, q = state[lane + np.uintp(2 * LANES)], state[lane + np.uintp(5 * LANES)]
                c0 = fused(LC0, p, fused(QC0, q, i0 * IC0))
                c1 = fused(LC1, p, fused(QC1, q, fused(IC0, i1, i0 * IC1)))
                c2 = fused(LC2, p, fused(QC2, q, fused(IC0, i2, fused(IC1, i1, i0 * IC2))))
                c3 = fused(IC0, i3, fused(IC1, i2, fused(IC2, i1, i0 * IC3)))
                c3 = fused(LC3, p, fused(QC3, q, c3))
                state[lane + np.uintp(2 * LANES)], state[lane + np.uintp(5 * LANES)] = c3, c2
                out[target + lane] = a0 + (b0 + c0)
                out[target + np.uintp(LANES) + lane] = a1 + (b1 + c1)
                out[target + np.uintp(2 * LANES) + lane] = a2 + (b2 + c2)
                out[target + np.uintp(3 * LANES) + lane] = a3 + (b3 + c3)
            n += 4
        else:
            before, after = n, n + ABOVE + BELOW
            for lane in range(np.uintp(LANES)):
                left = source[before * LANES + lane] if before >= 0 else ZERO
                i0 = left + source[after * LANES + lane]
                a0 = fused(
                    LA0, state[lane], fused(QA0, state[lane + np.uintp(3 * LANES)], i0 * IA0)
                )
                state[lane + np.uintp(3 * LANES)], state[lane] = state[lane], a0
                b0 = fused(
                    LB0,
                    state[lane + np.uintp(1 * LANES)],
                    fused(QB0, state[lane + np.uintp(4 * LANES)], i0 * IB0),
                )
                state[lane + np.uintp(4 * LANES)], state[lane + np.uintp(1 * LANES)] = (
                    state[lane + np.uintp(1 * LANES)],
                    b0,
                )
                c0 = fused(
                    LC0,
                    state[lane + np.uintp(2 * LANES)],
                    fused(QC0, state[lane + np.uintp(5 * LANES)], i0 * IC0),
                )
                state[lane + np.uintp(5 * LANES)], state[lane + np.uintp(2 * LANES)] = (
                    state[lane + np.uintp(2 * LANES)],
                    c0,
                )
                if n >= 0:
                    out[n * LANES + lane] = a0 + (b0 + c0)
            n += 1


@inlined
def _rows(columns: Floats, width: int, ring: Floats, first: int, pitch: int) -> None:
    """Turn a block of columns into rows of `ring`, which is flat, from `first` on."""
    for lane in range(LANES):
        start = np.uintp(first + lane * pitch)
        for column in range(np.uintp(width)):
            ring[start + column] = columns[column * np.uintp(LANES) + np.uintp(lane)]


@inlined
def _blur_down(
    ring: Floats, first: int, pitch: int, strip: int, state: Floats, odd: int, out: Floats, to: int
) -> None:
    """The next row of the second pass, for a strip: to `out` from `to` on.

    `ring` is flat, `pitch` numbers a row, and the row ABOVE begins at `first`. `state` has 6 *
    STRIP numbers for each strip: the outputs of the last row, and those of the row before, which
    the new ones replace. `odd` says which of the two are older.
    """
    above = np.uintp(first + strip * STRIP)
    below = np.uintp(first + REACH * pitch + strip * STRIP)
    last = np.uintp((6 * strip + 3 * odd) * STRIP)
    before = np.uintp((6 * strip + 3 - 3 * odd) * STRIP)
    for lane in range(np.uintp(STRIP)):
        i0 = ring[above + lane] + ring[below + lane]
        a, b, c = (
            before + lane,
            before + np.uintp(STRIP) + lane,
            before + np.uintp(2 * STRIP) + lane,
        )
        la = state[last + lane]
        lb = state[last + np.uintp(STRIP) + lane]
        lc = state[last + np.uintp(2 * STRIP) + lane]
        new_a = fused(IA0, i0, fused(LA0, la, -state[a]))
        new_b = fused(IB0, i0, fused(LB0, lb, -state[b]))
        new_c = fused(IC0, i0, fused(LC0, lc, -state[c]))
        state[a], state[b], state[c] = new_a, new_b, new_c
        out[np.uintp(to) + lane] = new_a + (new_b + new_c)


@inlined
def _quantity(which: int, xs: Floats, ys: Floats, out: Floats) -> None:
    """Fill `out` with what the blur number `which` takes: y, y^2, xy, x or x^2."""
    one = xs if which >= 3 else ys
    if which in {0, 3}:
        for at in range(out.size):
            out[at] = one[at]
    else:
        other = ys if which == 1 else xs
        for at in range(out.size):
            out[at] = one[at] * other[at]


def _moments(x: Floats, mean: Floats, square: Floats) -> None:
    """Fill in the blurred plane and its blurred square, all (height, width)."""
    height, width = x.shape
    strips = (width + STRIP - 1) // STRIP
    pitch = strips * STRIP
    columns = np.zeros((2, (width + REACH) * LANES), np.float32)
    xs, source = columns[0], columns[1]
    across = np.empty(width * LANES, np.float32)
    scratch = np.empty(6 * LANES, np.float32)
    ring = np.empty((BAND + REACH) * pitch, np.float32)
    state = np.empty(6 * pitch, np.float32)
    blurred = np.empty(STRIP, np.float32)
    for which in range(2):
        out = mean if which == 0 else square
        ring[:] = 0
        state[:] = 0
        for band in range(0, height + BELOW, BAND):
            for block in range(0, BAND, LANES):
                _columns(x, band + block, xs)
                _quantity(which, xs, xs, source)
                _blur_rows(source, width, across, scratch)
                _rows(across, width, ring, (REACH + block) * pitch, pitch)
            for strip in range(strips):
                for row in range(min(BAND, height + BELOW - band)):
                    _blur_down(ring, row * pitch, pitch, strip, state, row % 2, blurred, 0)
                    at = band + row - BELOW
                    if at >= 0:
                        left = strip * STRIP
                        for lane in range(min(STRIP, width - left)):
                            out[at, left + lane] = blurred[lane]
            ring[: REACH * pitch] = ring[BAND * pitch :]


@inlined
def _add_maps(values: Floats, sums: Floats) -> None:
    """Add the values of the three maps, in a part of a row, to `sums`.

    `values` are y, y^2, xy, x and x^2, all blurred, then y and x; STRIP numbers each. The
    difference of the two terms of SSIM is exactly 0 where the images agree.
    """
    for lane in range(np.uintp(STRIP)):
        my, mx = values[lane], values[lane + np.uintp(3 * STRIP)]
        yy, xx = values[lane + np.uintp(STRIP)], values[lane + np.uintp(4 * STRIP)]
        xy = values[lane + np.uintp(2 * STRIP)]
        apart = mx - my
        covariance = TWO * (xy - mx * my) + C2
        variances = (xx - mx * mx) + (yy - my * my) + C2
        edge = abs(values[lane + np.uintp(6 * STRIP)] - mx)
        change = abs(values[lane + np.uintp(5 * STRIP)] - my) - edge
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
def _load(source: Floats, row: int, left: int, out: Floats, which: int) -> None:
    """Copy a part of a row to the numbers `which` of `out`; less at the right border."""
    first = np.uintp(left)
    for lane in range(np.uintp(min(STRIP, source.shape[1] - left))):
        out[np.uintp(which * STRIP) + lane] = source[row, first + lane]


def _sum_maps(  # noqa: C901  # calls of other functions are slower, and hide constants
    x: Floats, mean: Floats, square: Floats, y: Floats, sums: Doubles
) -> None:
    """Fill in the `SUMS` of a plane; x and y are (height, width).

    `mean` and `square` are the `moments` of x. If they are empty, they are computed here.
    """
    height, width = x.shape
    strips = (width + STRIP - 1) // STRIP
    pitch = strips * STRIP
    kept = mean.size > 0
    blurs = 3 if kept else 5
    columns = np.zeros((3, (width + REACH) * LANES), np.float32)
    xs, ys, source = columns[0], columns[1], columns[2]
    across = np.empty(width * LANES, np.float32)
    scratch = np.empty(6 * LANES, np.float32)
    rings = np.zeros((blurs, (BAND + REACH) * pitch), np.float32)
    states = np.zeros((blurs, 6 * pitch), np.float32)
    values = np.zeros(7 * STRIP, np.float32)
    lanes = np.zeros(SUMS * STRIP, np.float32)
    sums[:] = 0
    for band in range(0, height + BELOW, BAND):
        for block in range(0, BAND, LANES):
            _columns(x, band + block, xs)
            _columns(y, band + block, ys)
            for which in range(blurs):
                _quantity(which, xs, ys, source)
                _blur_rows(source, width, across, scratch)
                _rows(across, width, rings[which], (REACH + block) * pitch, pitch)
        for strip in range(strips):
            left = strip * STRIP
            lanes[:] = 0
            for row in range(min(BAND, height + BELOW - band)):
                for which in range(blurs):
                    ring, state, odd = rings[which], states[which], row % 2
                    _blur_down(ring, row * pitch, pitch, strip, state, odd, values, which * STRIP)
                at = band + row - BELOW
                if at < 0:
                    continue
                if kept:
                    _load(mean, at, left, values, 3)
                    _load(square, at, left, values, 4)
                _load(y, at, left, values, 5)
                _load(x, at, left, values, 6)
                _add_maps(values, lanes)
            for which in range(SUMS):
                total = 0.0
                for lane in range(min(STRIP, width - left)):
                    total += lanes[which * STRIP + lane]
                sums[which] += total
        for which in range(blurs):
            rings[which, : REACH * pitch] = rings[which, BAND * pitch :]


moments = compiled(_moments, as_written=True)
sum_maps = compiled(_sum_maps, as_written=True)
