"""From samples to XYB, the colour space of JPEG XL, at one scale after another.

Every operation is libjxl's, in its order: see `maps`.
"""

from __future__ import annotations

import numpy as np

from autoquality_core.runtime.arrays import Bytes, Floats
from autoquality_core.runtime.compilation import compiled, fused, inlined

# numba's disk cache depends on this file alone, so it contains everything that is compiled.
HALF, QUARTER = np.float32(0.5), np.float32(0.25)

BIAS = np.float32(0.0037930732552754493)
ROOT_OF_BIAS = np.float32(np.cbrt(0.0037930732552754493))
L0, L1, L2 = (np.float32(value) for value in (0.30, 0.622, 0.078))
M0, M1, M2 = (np.float32(value) for value in (0.23, 0.692, 0.078))
S0, S1 = np.float32(0.24342268924547819), np.float32(0.20476744424496821)
S2 = np.float32(1 - 0.24342268924547819 - 0.20476744424496821)
X_FACTOR, X_SHIFT = np.float32(14), np.float32(0.42)
Y_SHIFT, B_SHIFT = np.float32(0.01), np.float32(0.55)

EXPONENT = np.int32(0x54800000)
THIRD_OF_EXPONENT = np.int32(0x002AAAAA)
MANTISSA_BITS = np.int32(23)
THIRD, FOUR_THIRDS = np.float32(1 / 3), np.float32(4 / 3)


@inlined
def _cube_root(value: np.float32) -> np.float32:
    """The cube root of a positive number, less that of the bias."""
    exponent = np.float32(value).view(np.int32) >> MANTISSA_BITS
    guess = np.int32(EXPONENT - np.int32(exponent * THIRD_OF_EXPONENT))
    root = guess.view(np.float32)
    third = THIRD * value
    for _ in range(3):
        square = root * root
        root = fused(-third, square * square, FOUR_THIRDS * root)
    square = root * root
    root = fused(THIRD, fused(-value, square * square, root), root)
    found: np.float32 = fused(root * root, value, -ROOT_OF_BIAS)
    return found


@inlined
def _xyb_row(lights: Floats, out: Floats, row: int) -> None:
    """Y, or Y, X and B, of a row of linear light (3, width)."""
    width = lights.shape[1]
    rs, gs, bs = lights[0], lights[1], lights[2]
    ys = out[0, row]
    if out.shape[0] == 1:
        for at in range(np.uintp(width)):
            r, g, b = rs[at], gs[at], bs[at]
            long = _cube_root(fused(L0, r, fused(L1, g, fused(L2, b, BIAS))))
            medium = _cube_root(fused(M0, r, fused(M1, g, fused(M2, b, BIAS))))
            ys[at] = HALF * (long + medium) + Y_SHIFT
    else:
        xs, zs = out[1, row], out[2, row]
        for at in range(np.uintp(width)):
            r, g, b = rs[at], gs[at], bs[at]
            long = _cube_root(fused(L0, r, fused(L1, g, fused(L2, b, BIAS))))
            medium = _cube_root(fused(M0, r, fused(M1, g, fused(M2, b, BIAS))))
            short = _cube_root(fused(S0, r, fused(S1, g, fused(S2, b, BIAS))))
            y = HALF * (long + medium)
            xs[at] = HALF * (long - medium) * X_FACTOR + X_SHIFT
            ys[at] = y + Y_SHIFT
            zs[at] = (short - y) + B_SHIFT


@inlined
def _add_to_half(lights: Floats, half: Floats, row: int) -> None:
    """Add a row of linear light to the image of half the size, four pixels to one."""
    width = lights.shape[1]
    whole = width // 2
    for c in range(3):
        source, target = lights[c], half[c, row // 2]
        if row % 2 == 0:
            for at in range(np.uintp(whole)):
                target[at] = source[2 * at] + source[2 * at + 1]
            if width % 2:
                target[whole] = source[width - 1] + source[width - 1]
        else:
            for at in range(np.uintp(whole)):
                target[at] = (target[at] + source[2 * at] + source[2 * at + 1]) * QUARTER
            if width % 2:
                target[whole] = (target[whole] + source[width - 1] + source[width - 1]) * QUARTER


@inlined
def _light_of_samples(samples: Bytes, linear: Floats, row: int, lights: Floats) -> None:
    rs, gs, bs = lights[0], lights[1], lights[2]
    line = samples[row]
    green, blue = np.uintp(1), np.uintp(2)
    if samples.shape[2] == 1:
        green, blue = np.uintp(0), np.uintp(0)
    for at in range(np.uintp(samples.shape[1])):
        rs[at] = linear[line[at, 0]]
        gs[at] = linear[line[at, green]]
        bs[at] = linear[line[at, blue]]


@inlined
def _light_of_planes(planes: Floats, row: int, lights: Floats) -> None:
    for c in range(3):
        source, target = planes[c, row], lights[c]
        for at in range(np.uintp(planes.shape[2])):
            target[at] = source[at]


def _convert_samples(samples: Bytes, linear: Floats, half: Floats, out: Floats) -> None:
    """Fill `out` (1 or 3, height, width) with Y, or Y, X and B, and `half` with linear light.

    `samples` are (height, width, bands), bands 1 or 3; `linear` is the light of each value. `half`
    is (3, height / 2, width / 2), rounded up, each pixel the mean of four.
    """
    height = samples.shape[0]
    lights = np.empty((3, samples.shape[1]), np.float32)
    for row in range(height):
        _light_of_samples(samples, linear, row, lights)
        _xyb_row(lights, out, row)
        _add_to_half(lights, half, row)
    if height % 2:
        _add_to_half(lights, half, height)


def _convert_light(planes: Floats, half: Floats, out: Floats) -> None:
    """As `convert_samples`, from linear light (3, height, width)."""
    height = planes.shape[1]
    lights = np.empty((3, planes.shape[2]), np.float32)
    for row in range(height):
        _light_of_planes(planes, row, lights)
        _xyb_row(lights, out, row)
        _add_to_half(lights, half, row)
    if height % 2:
        _add_to_half(lights, half, height)


convert_samples = compiled(_convert_samples, as_written=True)
convert_light = compiled(_convert_light, as_written=True)


def _linear() -> Floats:
    """The light of 8-bit sRGB samples, by libjxl's rational approximation of the curve."""
    low = (2.200248328e-04, 1.043637593e-02, 1.624820318e-01, 7.961564959e-01, 8.210152774e-01)
    high = (2.631846970e-01, 1.076976492, 4.987528350e-01, -5.512498495e-02, 6.521209011e-03)
    encoded = np.arange(256, dtype=np.float32) * np.float32(1 / 255)
    above, below = (np.full(256, np.float32(factors[-1])) for factors in (low, high))
    for p, q in zip(low[-2::-1], high[-2::-1], strict=True):
        # A product of two 32-bit floats is exact in 64 bits: only the sum is rounded.
        above = (above.astype(np.float64) * encoded + np.float32(p)).astype(np.float32)
        below = (below.astype(np.float64) * encoded + np.float32(q)).astype(np.float32)
    near_black = encoded * np.float32(1 / 12.92)
    light = np.where(encoded > np.float32(0.04045), above / below, near_black)
    light.flags.writeable = False
    return light


LINEAR = _linear()
"""The light of each 8-bit sRGB sample, 0 to 1."""
