"""The trained layers: from the statistics of an image's tiles to a distribution of its curve."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import numpy.typing as npt
from keras import ops

FloatArray = npt.NDArray[np.float32]

COMPONENTS = 8
"""Principal components that are predicted. Of the residual, only its size is."""

_PLACES = np.array([(i, j) for i in range(COMPONENTS) for j in range(i + 1)])
_NUMBERS = COMPONENTS + len(_PLACES) + 1
_FLOOR = 0.02
"""The least standard deviation of a coefficient: labels are not more exact. The corpus has 1."""

_LEAST_RESIDUAL = 0.004
_SMALL = 1e-4


def pool(tiles: Any, strengths: int) -> Any:
    """Tiles (n, m, f) to numbers of the whole image (n, g), all of order 1.

    The first `strengths` numbers of a tile are DSSIMs. Their mean is what the metric computes.
    """
    mean = ops.mean(tiles, axis=1)
    spread = ops.sqrt(ops.mean(ops.square(tiles - mean[:, None]), axis=1) + _SMALL**2)
    return ops.concatenate(
        [
            -ops.log(mean[:, :strengths] + _SMALL / 10),
            mean[:, strengths:],
            ops.log(spread[:, :strengths] + _SMALL),
            spread[:, strengths:],
        ],
        axis=1,
    )


def head(examples: FloatArray, strengths: int, seed: int) -> keras.Model:
    """A network from tiles (n, m, f) to `COMPONENTS` coefficients and their uncertainty.

    Inputs are scaled as in `examples`. Decode the output with `coefficients_of` and
    `residual_of`.
    """
    keras.utils.set_random_seed(seed)
    tiles = keras.Input((None, examples.shape[2]), name="tiles")
    whole = _Standard.of(np.asarray(pool(examples, strengths)))(_Pool(strengths)(tiles))
    each = _Standard.of(_rows(_logarithms(examples, strengths)))(_Logarithms(strengths)(tiles))
    each = keras.layers.Dense(48, "relu")(each)
    each = keras.layers.Dense(32, "relu")(each)
    each = keras.layers.GlobalAveragePooling1D()(each)
    both = keras.layers.Concatenate()([each, whole])
    both = keras.layers.Dense(64, "gelu")(both)
    both = keras.layers.Dropout(0.1, seed=seed)(both)
    both = keras.layers.Dense(64, "gelu")(both)
    found = keras.layers.Dense(_NUMBERS, kernel_initializer="zeros")(both)
    # A linear layer explains most; the others learn only the rest.
    straight = keras.layers.Dense(COMPONENTS, use_bias=False, kernel_initializer="zeros")(whole)
    straight = keras.layers.ZeroPadding1D((0, _NUMBERS - COMPONENTS))(straight[..., None])
    return keras.Model(tiles, found + straight[..., 0])


def coefficients_of(output: Any) -> tuple[Any, Any]:
    """The mean (n, k) and the lower Cholesky factor (n, k, k) of the coefficients' covariance."""
    raw = output[:, COMPONENTS:-1]
    diagonal = (_PLACES[:, 0] == _PLACES[:, 1]).astype(np.float32)
    entries = diagonal * (ops.softplus(raw - 1.0) + _FLOOR) + (1 - diagonal) * raw
    scatter = np.zeros((len(_PLACES), COMPONENTS, COMPONENTS), np.float32)
    scatter[np.arange(len(_PLACES)), _PLACES[:, 0], _PLACES[:, 1]] = 1
    factor = ops.matmul(entries, scatter.reshape(len(_PLACES), -1))
    return output[:, :COMPONENTS], ops.reshape(factor, (-1, COMPONENTS, COMPONENTS))


def residual_of(output: Any) -> Any:
    """The standard deviation of the residual, (n,)."""
    return ops.softplus(output[:, -1] - 3.5) + _LEAST_RESIDUAL


def _logarithms(tiles: Any, strengths: int) -> Any:
    return ops.concatenate([tiles, ops.log(tiles[..., :strengths] + _SMALL)], axis=-1)


def _rows(values: Any) -> FloatArray:
    """The numbers of all tiles, one row for each tile."""
    found = np.asarray(values, np.float32)
    return found.reshape(-1, found.shape[-1])


@keras.saving.register_keras_serializable("autoquality")
class _Pool(keras.layers.Layer):  # type: ignore[misc]  # Keras has no types
    def __init__(self, strengths: int, **options: Any) -> None:
        super().__init__(**options)
        self.strengths = strengths

    def call(self, tiles: Any) -> Any:
        return pool(tiles, self.strengths)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "strengths": self.strengths}


@keras.saving.register_keras_serializable("autoquality")
class _Logarithms(_Pool):
    def call(self, tiles: Any) -> Any:
        return _logarithms(tiles, self.strengths)


@keras.saving.register_keras_serializable("autoquality")
class _Standard(keras.layers.Layer):  # type: ignore[misc]  # Keras has no types
    """Scales to mean 0 and standard deviation 1 over the examples."""

    def __init__(self, mean: Any, deviation: Any, **options: Any) -> None:
        super().__init__(**options)
        self._mean = np.asarray(mean, np.float32)
        self._deviation = np.asarray(deviation, np.float32)

    @classmethod
    def of(cls, values: FloatArray) -> _Standard:
        return cls(values.mean(axis=0), values.std(axis=0) + 0.01)

    def call(self, values: Any) -> Any:
        return (values - self._mean) / self._deviation

    def get_config(self) -> dict[str, Any]:
        numbers = {"mean": self._mean.tolist(), "deviation": self._deviation.tolist()}
        return {**super().get_config(), **numbers}
