"""What a mosaic tells of an image: every tile coded at a few strengths, and measured.

The layer has nothing to learn. It is a small transform codec and the metric
itself, written as operations of a graph: each 8 x 8 block is transformed,
quantised, transformed back and compared by SSIM. Real encoders differ from that
in ways that depend on what is in a tile; to learn those is left to the layers
behind. At most of the strengths the windows of SSIM are the blocks themselves,
whose variances and covariances are sums over coefficients (Parseval): nothing
has to be transformed back, and networks learn as much from it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import keras
import numpy as np
from keras import ops

from autoquality_core.networks.inputs import PER_SIDE, TILES
from autoquality_train.network import blocks

_C1, _C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
_GREY = 128.0
_PULL = 0.1
"""Levels are rounded this much towards 0, as by an encoder to which a bit matters."""

_VARIANCES = (15.0, 60.0, 240.0, 960.0)
"""Where the spread of local variances is looked at: noise of about these drowns what is below."""


class Strengths(NamedTuple):
    """How strongly tiles are coded: tables of steps, each (64,).

    What is coded by those of `windows` is measured through the metric's
    windows, what is coded by those of `blocks` block by block.
    """

    windows: tuple[blocks.FloatArray, ...]
    blocks: tuple[blocks.FloatArray, ...] = ()

    def __len__(self) -> int:
        return len(self.windows) + len(self.blocks)


def strengths_for(setting: str) -> Strengths:
    """The strengths of coding for one encoder setting.

    A window costs twice as much time as a block. JPEG, whose tables these are,
    is predicted better with two of them; WebP needs one, AVIF none.
    """
    if setting.startswith("jpeg"):
        return Strengths(_jpeg(40, 82), _jpeg(15, 65, 93))
    if setting.startswith("webp"):
        return Strengths(_jpeg(65), (*_jpeg(30, 88), *_flat(6.0, 11.0, 35.0)))
    return Strengths((), (*_jpeg(15, 40, 65, 88), *_flat(11.0, 35.0)))


def _jpeg(*qualities: int) -> tuple[blocks.FloatArray, ...]:
    return tuple(blocks.jpeg_table(quality) for quality in qualities)


def _flat(*steps: float) -> tuple[blocks.FloatArray, ...]:
    return tuple(blocks.flat_table(step) for step in steps)


@keras.saving.register_keras_serializable("autoquality")
class TileStatistics(keras.layers.Layer):  # type: ignore[misc]  # Keras has no types to offer
    """Mosaics (n, 416, 416, 3), 0 to 255, to (n, 676, strengths + 16) numbers of order 1.

    First the DSSIM of a tile coded at each strength, then logarithms of its
    energy by `blocks.bands`, then what its local variances and brightness are.
    """

    def __init__(self, strengths: Sequence[Sequence[Any]], **options: Any) -> None:
        super().__init__(**options)
        self._strengths = Strengths(
            *(tuple(np.asarray(table, np.float32) for table in tables) for tables in strengths)
        )

    def call(self, images: Any) -> Any:
        basis = blocks.cosine_transform()
        pixels = _by_block(_luma(images)) - _GREY
        coefficients = ops.matmul(pixels, np.ascontiguousarray(basis.T))
        pixels = ops.reshape(pixels, (-1, blocks.TILE**2))
        windows = blocks.windows()
        mean = ops.matmul(pixels, windows)
        variance = ops.maximum(ops.matmul(pixels * pixels, windows) - mean * mean, 0.0)
        found = []
        if self._strengths.windows:
            pull = ops.sign(coefficients) * _PULL
            for table in self._strengths.windows:
                levels = ops.round(coefficients * (1 / table) - pull)
                coded = ops.matmul(levels, basis * table[:, None])
                coded = ops.reshape(coded, (-1, blocks.TILE**2))
                found.append(_dssim(pixels, mean, variance, coded, windows))
        if self._strengths.blocks:
            found.extend(_block_dssims(coefficients, self._strengths.blocks))
        found.extend(self._content(coefficients, pixels, variance))
        return ops.reshape(ops.concatenate(found, axis=1), (-1, TILES, self.width))

    @property
    def width(self) -> int:
        """How many numbers a tile has."""
        return len(self._strengths) + int(blocks.bands().shape[1]) + 4 + len(_VARIANCES)

    def compute_output_shape(self, shape: Any) -> Any:
        return (shape[0], TILES, self.width)

    def get_config(self) -> dict[str, Any]:
        strengths = [[table.tolist() for table in tables] for tables in self._strengths]
        return {**super().get_config(), "strengths": strengths}

    @staticmethod
    def _content(coefficients: Any, pixels: Any, variance: Any) -> list[Any]:
        bands = blocks.bands()
        energy = ops.matmul(coefficients * coefficients, bands)
        energy = ops.mean(ops.reshape(energy, (-1, 4, bands.shape[1])), axis=1)
        logarithms = ops.log(variance + 1.0)
        return [
            ops.log(energy + 1.0) / 8,
            ops.mean(logarithms, axis=1, keepdims=True) / 8,
            ops.log(ops.mean(variance, axis=1, keepdims=True) + 1.0) / 8,
            ops.min(logarithms, axis=1, keepdims=True) / 8,
            ops.mean(pixels, axis=1, keepdims=True) / _GREY,
            *(ops.mean(one / (variance + one), axis=1, keepdims=True) for one in _VARIANCES),
        ]


def _luma(images: Any) -> Any:
    """Of RGB images, 0 to 255: (n x 416 x 52, 8), a block's line in a row."""
    # A product with a narrow matrix, several pixels at a time, is much faster than one a pixel.
    line = np.kron(np.eye(blocks.BLOCK, dtype=np.float32), blocks.LUMA[:, None])
    return ops.matmul(ops.reshape(ops.cast(images, "float32"), (-1, line.shape[0])), line)


def _by_block(lines: Any) -> Any:
    """What `_luma` answers as (n x 676 x 4, 64), the blocks of a tile together."""
    grid = ops.reshape(lines, (-1, blocks.BLOCK, 2 * PER_SIDE, blocks.BLOCK))
    grid = ops.reshape(ops.transpose(grid, (0, 2, 1, 3)), (-1, 2, PER_SIDE, 2, blocks.BLOCK**2))
    return ops.reshape(ops.transpose(grid, (0, 2, 1, 3, 4)), (-1, blocks.BLOCK**2))


def _block_dssims(coefficients: Any, tables: Sequence[blocks.FloatArray]) -> list[Any]:
    """The mean DSSIM of each tile's four blocks at each strength, (n, 1) each; no window but them.

    `coefficients` (n x 4, 64) are those of an orthonormal transform: the first is
    8 times the mean, the squares of the others sum to 64 times the variance.
    """
    area = float(blocks.BLOCK**2)
    waves = np.ones((blocks.BLOCK**2, 1), np.float32) / area
    waves[0] = 0
    mean = coefficients[:, :1] / blocks.BLOCK
    variance = ops.matmul(ops.square(coefficients), waves)
    found = []
    for table in tables:
        levels = ops.round(coefficients * (1 / table))
        steps = table[:, None]
        coded_variance = ops.matmul(ops.square(levels), waves * steps**2)
        covariance = ops.matmul(levels * coefficients, waves * steps)
        coded_mean = levels[:, :1] * (table[0] / blocks.BLOCK)
        dssim = _from_moments(mean, coded_mean, variance + coded_variance, covariance)
        found.append(ops.mean(ops.reshape(dssim, (-1, 4)), axis=1, keepdims=True))
    return found


def _dssim(pixels: Any, mean: Any, variance: Any, coded: Any, windows: Any) -> Any:
    """The mean DSSIM of each tile over its windows, (n, 1)."""
    coded_mean = ops.matmul(coded, windows)
    coded_variance = ops.matmul(coded * coded, windows) - coded_mean * coded_mean
    covariance = ops.matmul(pixels * coded, windows) - mean * coded_mean
    dssim = _from_moments(mean, coded_mean, variance + coded_variance, covariance)
    return ops.mean(dssim, axis=1, keepdims=True)


def _from_moments(mean: Any, coded_mean: Any, variances: Any, covariance: Any) -> Any:
    """DSSIM of windows; Wang et al. 2004, equation 13. Means are of the luma less 128."""
    one, other = mean + _GREY, coded_mean + _GREY
    ssim = (2 * one * other + _C1) * (2 * covariance + _C2)
    ssim = ssim / ((one * one + other * other + _C1) * (variances + _C2))
    # Rounding makes an SSIM a little greater than 1 where nothing was lost.
    return ops.maximum(1 - ssim, 0.0) / 2
