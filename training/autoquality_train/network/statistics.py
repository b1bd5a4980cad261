"""The statistics of a mosaic: every tile coded at a few strengths, and measured.

TileStatistics is not trained. It is a small transform codec and the metric, written as operations
of a graph: each 8 x 8 block is transformed, quantised, transformed back and compared by SSIM. The
trained layers learn how real encoders differ from that. At most strengths the windows of SSIM are
the blocks themselves. Their variances and covariances are sums over coefficients (Parseval), so
nothing is transformed back, and networks learn as much. For metrics that see color,
ColourStatistics adds what the encoders lose of the chroma.

A tile is 16 x 16 pixels, four blocks; its 256 pixels are in the order (block row, block column,
row, column).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import keras
import numpy as np
import numpy.typing as npt
from keras import ops

from autoquality_core.images import blocks
from autoquality_core.images.blocks import CHROMA
from autoquality_core.metrics import Metric
from autoquality_core.networks.inputs import PER_SIDE, TILE, TILES
from autoquality_core.runtime.arrays import Floats

_C1, _C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
_GREY = 128.0
_PULL = 0.1
"""Levels are rounded this much towards 0, as encoders do to save bits."""

_VARIANCES = (15.0, 60.0, 240.0, 960.0)
"""Thresholds for the distribution of local variances."""

_SIGMA = 1.5
_RADIUS = 5

_CENTRES = (2, 6, 9, 13)
"""Rows and columns of a tile that windows are centred on: two on each side of the seam between
blocks."""


_CHROMA_STEPS = (10.0, 30.0)
"""Quantisation steps of the chroma."""

COLOURS = 2 * (int(blocks.bands().shape[1]) + len(_CHROMA_STEPS) + 2)
"""The number of statistics of a tile's colours."""


class Strengths(NamedTuple):
    """How strongly tiles are coded: tables of quantisation steps, each (64,).

    After coding by `windows`, a tile is measured through the metric's windows; after coding by
    `blocks`, block by block.
    """

    windows: tuple[Floats, ...]
    blocks: tuple[Floats, ...] = ()

    def __len__(self) -> int:
        return len(self.windows) + len(self.blocks)


def strengths_for(setting: str) -> Strengths:
    """The strengths for one encoder setting.

    A window takes twice the time of a block. Two of them improve the predictions for JPEG, one
    those for WebP; AVIF needs none.
    """
    if setting.startswith("jpeg"):
        return Strengths(_jpeg(40, 82), _jpeg(15, 65, 93))
    if setting.startswith("webp"):
        return Strengths(_jpeg(65), (*_jpeg(30, 88), *_flat(6.0, 11.0, 35.0)))
    return Strengths((), (*_jpeg(15, 40, 65, 88), *_flat(11.0, 35.0)))


def _jpeg(*qualities: int) -> tuple[Floats, ...]:
    return tuple(blocks.jpeg_table(quality) for quality in qualities)


def _flat(*steps: float) -> tuple[Floats, ...]:
    return tuple(blocks.flat_table(step) for step in steps)


@keras.saving.register_keras_serializable("autoquality")
class TileStatistics(keras.layers.Layer):  # type: ignore[misc]  # Keras has no types
    """Mosaics (n, 416, 416, 3), 0 to 255, to (n, 676, strengths + 16) numbers of order 1.

    The DSSIM of a tile coded at each strength, the logarithms of its energy by `blocks.bands`, and
    its local variances and brightness.
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
        pixels = ops.reshape(pixels, (-1, TILE**2))
        windows = ssim_windows()
        mean = ops.matmul(pixels, windows)
        variance = ops.maximum(ops.matmul(pixels * pixels, windows) - mean * mean, 0.0)
        found = []
        if self._strengths.windows:
            pull = ops.sign(coefficients) * _PULL
            for table in self._strengths.windows:
                levels = ops.round(coefficients * (1 / table) - pull)
                coded = ops.matmul(levels, basis * table[:, None])
                coded = ops.reshape(coded, (-1, TILE**2))
                found.append(_dssim(pixels, mean, variance, coded, windows))
        if self._strengths.blocks:
            found.extend(_block_dssims(coefficients, self._strengths.blocks))
        found.extend(self._content(coefficients, pixels, variance))
        return ops.reshape(ops.concatenate(found, axis=1), (-1, TILES, self.width))

    @property
    def width(self) -> int:
        """The number of statistics of a tile."""
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


def for_metric(tiles: Any, images: Any, metric: Metric) -> Any:
    """The statistics that the curve of a metric is predicted from: (n, 676, f).

    `tiles` are the result of TileStatistics for `images`.
    """
    if not metric.sees_color:
        return tiles
    return ops.concatenate([tiles, ColourStatistics()(images)], axis=2)


@keras.saving.register_keras_serializable("autoquality")
class ColourStatistics(keras.layers.Layer):  # type: ignore[misc]  # Keras has no types
    """Mosaics (n, 416, 416, 3), 0 to 255, to (n, 676, COLOURS) numbers of order 1.

    Of the Cb and of the Cr of a tile, halved to one block as most encoders do: the logarithms of
    its energy by `blocks.bands`, of what quantisation loses and of what halving loses, and its
    mean.
    """

    def call(self, images: Any) -> Any:
        halved, lost = _halved_chroma(images)
        coefficients = ops.matmul(halved, np.ascontiguousarray(blocks.cosine_transform().T))
        numbers = [ops.matmul(ops.square(coefficients), blocks.bands())]
        for step in _CHROMA_STEPS:
            missed = coefficients - step * ops.round(coefficients / step)
            numbers.append(ops.mean(ops.square(missed), axis=1, keepdims=True))
        numbers.append(lost)
        found = ops.log(ops.concatenate(numbers, axis=1) + 1.0) / 8
        mean = ops.abs(coefficients[:, :1]) / (blocks.BLOCK * _GREY)
        return ops.reshape(ops.concatenate([found, mean], axis=1), (-1, TILES, COLOURS))

    def compute_output_shape(self, shape: Any) -> Any:
        return (shape[0], TILES, COLOURS)


def _halved_chroma(images: Any) -> tuple[Any, Any]:
    """Cb and Cr at half the resolution, (n x 676 x 2, 64), and the mean square of the rest."""
    half = blocks.BLOCK // 2
    pairs = np.kron(np.eye(half, dtype=np.float32), np.array([[0.5, 0.5], [0.5, -0.5]], np.float32))
    # (8 pixels x RGB, Cb or Cr x mean or difference x 4 pairs)
    columns = pairs.reshape(half, 2, blocks.BLOCK).transpose(2, 1, 0)
    line = np.einsum("xmp,cb->xbcmp", columns, CHROMA).reshape(3 * blocks.BLOCK, -1)
    lines = ops.reshape(ops.cast(images, "float32"), (-1, line.shape[0]))
    found = ops.reshape(ops.matmul(lines, line), (-1, 2, 2 * PER_SIDE, 2, 2, half))
    first, second = found[:, 0], found[:, 1]  # two rows: (n x 208, 52, chroma, mean or diff., 4)
    mean, down = (first + second) / 2, (first - second) / 2
    rest = ops.square(down[..., 0, :]) + ops.square(mean[..., 1, :]) + ops.square(down[..., 1, :])
    return _by_tile(mean[..., 0, :]), ops.mean(_by_tile(rest), axis=1, keepdims=True)


def _by_tile(halved: Any) -> Any:
    """Rows (n x 208, 52, chroma, 4) as blocks (n x 676 x chroma, 64)."""
    half = blocks.BLOCK // 2
    grid = ops.reshape(halved, (-1, PER_SIDE, blocks.BLOCK, PER_SIDE, 2, 2, half))
    return ops.reshape(ops.transpose(grid, (0, 1, 3, 5, 2, 4, 6)), (-1, blocks.BLOCK**2))


def _luma(images: Any) -> Any:
    """The luma of RGB images, 0 to 255: (n x 416 x 52, 8), one line of a block in each row."""
    # A matrix product for eight pixels at a time is much faster than one for each pixel.
    line = np.kron(np.eye(blocks.BLOCK, dtype=np.float32), blocks.LUMA[:, None])
    return ops.matmul(ops.reshape(ops.cast(images, "float32"), (-1, line.shape[0])), line)


def _by_block(lines: Any) -> Any:
    """The result of `_luma` as (n x 676 x 4, 64), the blocks of a tile together."""
    grid = ops.reshape(lines, (-1, blocks.BLOCK, 2 * PER_SIDE, blocks.BLOCK))
    grid = ops.reshape(ops.transpose(grid, (0, 2, 1, 3)), (-1, 2, PER_SIDE, 2, blocks.BLOCK**2))
    return ops.reshape(ops.transpose(grid, (0, 2, 1, 3, 4)), (-1, blocks.BLOCK**2))


def _block_dssims(coefficients: Any, tables: Sequence[Floats]) -> list[Any]:
    """The mean DSSIM of each tile's four blocks at each strength, (n, 1) each.

    `coefficients` (n x 4, 64) come from an orthonormal transform. The first is 8 times the mean of
    a block. The squares of the others sum to 64 times its variance.
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
    """The DSSIM of windows; Wang et al. 2004, equation 13. Means are of the luma less 128."""
    one, other = mean + _GREY, coded_mean + _GREY
    ssim = (2 * one * other + _C1) * (2 * covariance + _C2)
    ssim = ssim / ((one * one + other * other + _C1) * (variances + _C2))
    # For equal windows, rounding may make the SSIM slightly greater than 1.
    return ops.maximum(1 - ssim, 0.0) / 2


def ssim_windows() -> Floats:
    """16 Gaussian windows of SSIM over a tile, (256, 16), each with the sum 1.

    These are the metric's windows (11 x 11, sigma 1.5) without the part beyond the edge of the
    tile, at most a tenth of the weight.
    """
    place = np.arange(TILE)
    lines = []
    for centre in _CENTRES:
        line = np.exp(-0.5 * ((place - centre) / _SIGMA) ** 2)
        line[np.abs(place - centre) > _RADIUS] = 0
        lines.append(line / line.sum())
    found = [_flat_tile(np.outer(one, other)) for one in lines for other in lines]
    return np.array(found, np.float32).T


def _flat_tile(tile: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    halves = tile.reshape(2, blocks.BLOCK, 2, blocks.BLOCK)
    return halves.transpose(0, 2, 1, 3).reshape(TILE * TILE)
