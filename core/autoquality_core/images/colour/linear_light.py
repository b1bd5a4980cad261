"""Compiled loops between samples and linear light: see `spaces.Space`."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import numpy.typing as npt

from autoquality_core.runtime.arrays import Bytes, Floats
from autoquality_core.runtime.compilation import compiled

Samples = Bytes | npt.NDArray[np.uint16]

_S = TypeVar("_S", Bytes, npt.NDArray[np.uint16], Samples)


def read_only(pixels: _S) -> _S:
    """A read-only view. Loops are compiled for one type of array, and writable is another."""
    view = pixels.view()
    view.flags.writeable = False
    return view


@compiled
def to_linear(
    pixels: Samples,
    curves: Floats,
    weights: Floats,
    ootf: np.float32,
    scale: np.float32,
    gains: Floats,
    matrix: Floats,
    out: Floats,
) -> None:
    """The linear light, (n, 3), of pixels (n, bands)."""
    colour = curves.shape[0] == 3
    last = np.float32(gains.shape[0] - 1)
    one, half, nothing = np.float32(1), np.float32(0.5), np.float32(0)
    for at in range(pixels.shape[0]):
        r = curves[0, pixels[at, 0]]
        g, b = r, r
        if colour:
            g, b = curves[1, pixels[at, 1]], curves[2, pixels[at, 2]]
        if ootf > nothing:
            shown = scale * (weights[0] * r + weights[1] * g + weights[2] * b) ** ootf
            r, g, b = r * shown, g * shown, b * shown
        if last > nothing:
            root = np.sqrt(np.sqrt(min(max(r, g, b), one)))
            gain = gains[int(root * last + half)]
            r, g, b = r * gain, g * gain, b * gain
        if colour:
            out[at, 0] = matrix[0, 0] * r + matrix[0, 1] * g + matrix[0, 2] * b
            out[at, 1] = matrix[1, 0] * r + matrix[1, 1] * g + matrix[1, 2] * b
            out[at, 2] = matrix[2, 0] * r + matrix[2, 1] * g + matrix[2, 2] * b
        else:
            out[at, 0], out[at, 1], out[at, 2] = r, r, r


@compiled
def to_codes(light: Floats, pixels: Samples, codes: Bytes, out: Bytes) -> None:
    """The 8-bit samples of light, clipped, by a table of 65536; with the alpha of `pixels`."""
    zero, top, half = np.float32(0), np.float32(65535), np.float32(0.5)
    bands = pixels.shape[1]
    colours = 3 if bands > 2 else 1
    wide = pixels.itemsize == 2
    for at in range(pixels.shape[0]):
        for band in range(colours):
            value = min(max(light[at, band] * top + half, zero), top)
            out[at, band] = codes[int(value)]
        if bands > colours:
            alpha = pixels[at, colours]
            out[at, colours] = (
                (np.uint32(alpha) + np.uint32(128)) // np.uint32(257) if wide else alpha
            )
