"""What a mosaic tells of an image: every tile coded at a few strengths, and measured.

The layer has nothing to learn. It is a small transform codec and the metric
itself, written as operations of a graph: each 8 x 8 block is transformed,
quantised (a little towards 0), transformed back
and compared by SSIM. Real encoders differ from that in ways that depend on what
is in a tile; to learn those is left to the layers behind.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from autoquality_server.predictor.mosaic import PER_SIDE, TILES
from autoquality_train.network import blocks

_C1, _C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
_GREY = 128.0
_PULL = 0.1
"""Levels are rounded this much towards 0, as by an encoder to which a bit matters."""

_VARIANCES = (15.0, 60.0, 240.0, 960.0)
"""Where the spread of local variances is looked at: noise of about these drowns what is below."""


def step_tables(setting: str) -> list[blocks.FloatArray]:
    """The strengths of coding for one encoder setting, each (64,)."""
    if setting.startswith("jpeg"):
        return [blocks.jpeg_table(quality) for quality in (15, 40, 65, 82, 93)]
    return [
        *(blocks.jpeg_table(quality) for quality in (30, 65, 88)),
        *(blocks.flat_table(step) for step in (11.0, 35.0)),
    ]


@keras.saving.register_keras_serializable("autoquality")
class TileStatistics(keras.layers.Layer):  # type: ignore[misc]  # Keras has no types to offer
    """Mosaics (n, 416, 416, 3), 0 to 255, to (n, 676, strengths + 16) numbers of order 1.

    First the DSSIM of a tile coded at each strength, then logarithms of its
    energy by `blocks.bands`, then what its local variances and brightness are.
    """

    def __init__(self, tables: Sequence[Any], **options: Any) -> None:
        super().__init__(**options)
        self._tables = [np.asarray(table, np.float32) for table in tables]

    def call(self, images: Any) -> Any:
        coefficients = self._coefficients(ops.cast(images, "float32"))
        basis = blocks.cosine_transform()
        pixels = ops.reshape(ops.matmul(coefficients, basis), (-1, blocks.TILE**2))
        windows = blocks.windows()
        mean = ops.matmul(pixels, windows)
        variance = ops.maximum(ops.matmul(pixels * pixels, windows) - mean * mean, 0.0)
        pull = ops.sign(coefficients) * _PULL
        found = []
        for table in self._tables:
            levels = ops.round(coefficients * (1 / table) - pull)
            coded = ops.matmul(levels, basis * table[:, None])
            coded = ops.reshape(coded, (-1, blocks.TILE**2))
            found.append(_dssim(pixels, mean, variance, coded, windows))
        found.extend(self._content(coefficients, pixels, variance))
        return ops.reshape(ops.concatenate(found, axis=1), (-1, TILES, self.width))

    @property
    def width(self) -> int:
        """How many numbers a tile has."""
        return len(self._tables) + int(blocks.bands().shape[1]) + 4 + len(_VARIANCES)

    def compute_output_shape(self, shape: Any) -> Any:
        return (shape[0], TILES, self.width)

    def get_config(self) -> dict[str, Any]:
        tables = [table.tolist() for table in self._tables]
        return {**super().get_config(), "tables": tables}

    @staticmethod
    def _coefficients(images: Any) -> Any:
        """Of the luma less 128: (n x 676 x 4, 64), the blocks of a tile together."""
        found = ops.conv(images, blocks.analysis_filters(), strides=blocks.BLOCK, padding="valid")
        brightness = np.zeros(blocks.BLOCK**2, np.float32)
        brightness[0] = _GREY * blocks.BLOCK
        grid = ops.reshape(found - brightness, (-1, PER_SIDE, 2, PER_SIDE, 2, blocks.BLOCK**2))
        return ops.reshape(ops.transpose(grid, (0, 1, 3, 2, 4, 5)), (-1, blocks.BLOCK**2))

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


def _dssim(pixels: Any, mean: Any, variance: Any, coded: Any, windows: Any) -> Any:
    """The mean DSSIM of each tile over its windows, (n, 1); Wang et al. 2004, equation 13."""
    coded_mean = ops.matmul(coded, windows)
    coded_variance = ops.matmul(coded * coded, windows) - coded_mean * coded_mean
    covariance = ops.matmul(pixels * coded, windows) - mean * coded_mean
    one, other = mean + _GREY, coded_mean + _GREY
    ssim = (2 * one * other + _C1) * (2 * covariance + _C2)
    ssim = ssim / ((one * one + other * other + _C1) * (variance + coded_variance + _C2))
    # Rounding makes an SSIM a little greater than 1 where nothing was lost.
    return ops.mean(ops.maximum(1 - ssim, 0.0), axis=1, keepdims=True) / 2
