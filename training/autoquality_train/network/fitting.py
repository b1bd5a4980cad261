"""Fits a network to examples, on any backend of Keras (KERAS_BACKEND)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
from keras import ops

from autoquality_core.metrics import DSSIM, METRICS, Metric
from autoquality_train.basis import Basis
from autoquality_train.examples import Examples, folds
from autoquality_train.network.head import COMPONENTS, coefficients_of, head, residual_of
from autoquality_train.network.statistics import (
    Strengths,
    TileStatistics,
    for_metric,
    strengths_for,
)
from autoquality_train.scales import SCALES

FloatArray = npt.NDArray[np.float32]

MEMBERS = 5
"""Networks whose outputs are averaged. Each is fitted without one fold of the images, which then
shows its errors on new images."""

_LEAST_LEFT_OUT = 5
"""The fewest images of a fold; small corpora have fewer networks."""

_BATCH = 64
_TILES = 338
"""Tiles drawn from each mosaic for one step, with replacement, as augmentation."""

_APART = 5.0
"""How many independent numbers the residual of a curve counts as."""

_RATE = 2e-3
_DEGREES = 5.0
"""Degrees of freedom of Student's t, which limits the influence of unusual images."""

_USED = (10, 95)

_QUANTILES = ((0.5, 0.6745), (0.8, 1.2816))
"""Shares of a normal distribution, and the standard deviations that they lie within."""


class TooFewImages(Exception):
    """There are too few images to learn from; `str` says how many are needed."""


@dataclass(frozen=True, slots=True)
class Head:
    """What was fitted for one metric.

    `scale` widens the members' standard deviations to their errors on new images.
    """

    members: list[keras.Model]
    basis: Basis
    scale: float


@dataclass(frozen=True, slots=True)
class Fitted:
    """A network for one encoder setting, with a head for each metric, ready to be frozen.

    `left_out` (n,) is the member of each head that was fitted without an example. `record` goes
    into the side file.
    """

    setting: str
    heads: dict[str, Head]
    left_out: npt.NDArray[np.int64]
    record: dict[str, Any] = field(default_factory=dict)

    def save(self, folder: Path) -> None:
        """Write everything that `freeze` needs to `folder`, for a process with another backend."""
        arrays: dict[str, Any] = {}
        for metric, one in self.heads.items():
            for number, member in enumerate(one.members):
                member.save(folder / f"{metric}.{number}.keras")
            arrays[f"{metric}.mean"] = one.basis.mean
            arrays[f"{metric}.components"] = one.basis.components
            arrays[f"{metric}.numbers"] = np.array([one.scale, len(one.members)])
        np.savez(
            folder / "fitted.npz",
            setting=np.array(self.setting),
            metrics=np.array(list(self.heads)),
            left_out=self.left_out,
            **arrays,
        )

    @classmethod
    def restore(cls, folder: Path) -> Fitted:
        """Read the files that `save` wrote."""
        heads = {}
        with np.load(folder / "fitted.npz") as kept:
            for metric in map(str, kept["metrics"]):
                scale, count = kept[f"{metric}.numbers"]
                members = [
                    keras.saving.load_model(folder / f"{metric}.{number}.keras", compile=False)
                    for number in range(int(count))
                ]
                basis = Basis(kept[f"{metric}.mean"], kept[f"{metric}.components"])
                heads[metric] = Head(members, basis, float(scale))
            return cls(str(kept["setting"]), heads, kept["left_out"])


def fit(
    examples: Examples,
    metrics: Sequence[str],
    *,
    epochs: int,
    seed: int,
    progress: Callable[[str], None],
) -> Fitted:
    """Fit a head of `MEMBERS` networks for each metric to the examples of one setting.

    Deterministic for a seed, a backend and a machine. Raises TooFewImages for fewer than two.
    """
    images = len(set(examples.groups))
    fold = folds(examples.groups, min(MEMBERS, max(2, images // _LEAST_LEFT_OUT)), seed)
    if int(fold.max()) < 1:
        raise TooFewImages("a network needs at least 2 images to learn from; it got 1")
    strengths = strengths_for(examples.setting)
    how = _Fit(fold, len(strengths), epochs, seed, progress)
    heads = {}
    for metric in metrics:
        tiles = tile_statistics(examples.mosaics, strengths, METRICS[metric])
        heads[metric] = how.head(tiles, examples.curves[metric], metric)
    record = {
        "images": images,
        "samples": len(examples),
        "members": int(fold.max()) + 1,
        "epochs": epochs,
        "seed": seed,
        "spread_scale": {metric: round(one.scale, 3) for metric, one in heads.items()},
        "keras": keras.__version__,
        "backend": keras.backend.backend(),
    }
    return Fitted(examples.setting, heads, fold, record)


@dataclass(frozen=True, slots=True)
class _Fit:
    """How to fit the members of a head."""

    fold: npt.NDArray[np.int64]
    strengths: int
    epochs: int
    seed: int
    progress: Callable[[str], None]

    def head(self, tiles: npt.NDArray[np.float16], curves: FloatArray, metric: str) -> Head:
        """The head of one metric for tiles (n, 676, f) and curves (n, 100)."""
        basis = Basis.of(curves, COMPONENTS)
        wanted = np.column_stack([basis.coefficients(curves), basis.residual_variance(curves)])
        members = []
        unseen = np.empty((len(curves), 0), np.float32)
        count = int(self.fold.max()) + 1
        for number in range(count):
            learn = np.flatnonzero(self.fold != number)
            seed = self.seed * MEMBERS + number
            model, loss = _fit_member(
                tiles[learn], wanted[learn], self.strengths, self.epochs, seed
            )
            self.progress(f"{metric}: network {number + 1} of {count}, loss {loss:.3f}")
            members.append(model)
            away = np.flatnonzero(self.fold == number)
            output = model.predict(tiles[away].astype(np.float32), verbose=0)
            if not unseen.size:
                unseen = np.empty((len(curves), output.shape[1]), np.float32)
            unseen[away] = output
        return Head(members, basis, spread_scale(basis, unseen, curves, METRICS[metric]))


def tile_statistics(
    mosaics: npt.NDArray[np.uint8], strengths: Strengths, metric: Metric = DSSIM
) -> npt.NDArray[np.float16]:
    """The statistics of each mosaic for a metric, (n, 676, f), in half precision."""
    layer = TileStatistics(strengths)
    step = 16
    found = []
    for start in range(0, len(mosaics), step):
        some = np.ascontiguousarray(mosaics[start : start + step])
        found.append(np.asarray(for_metric(layer(some), some, metric)).astype(np.float16))
    return np.concatenate(found)


def _fit_member(
    tiles: npt.NDArray[np.float16], wanted: FloatArray, strengths: int, epochs: int, seed: int
) -> tuple[keras.Model, float]:
    """One network and its mean loss over the last epoch."""
    rng = np.random.default_rng(seed)
    some = tiles[rng.permutation(len(tiles))[:400]].astype(np.float32)
    model = head(some, strengths, seed)
    steps = epochs * math.ceil(len(tiles) / _BATCH)
    rate = keras.optimizers.schedules.CosineDecay(
        _RATE / 20, steps, warmup_target=_RATE, warmup_steps=max(steps // 20, 1)
    )
    optimizer = keras.optimizers.AdamW(rate, weight_decay=2e-3, clipnorm=1.0)
    # With its variables made by the first step, TensorFlow would trace the step twice.
    optimizer.build(model.trainable_variables)
    model.compile(optimizer, loss=_loss)
    mean = math.nan
    for _ in range(epochs):
        order = rng.permutation(len(tiles))
        total = 0.0
        for start in range(0, len(order), _BATCH):
            batch = order[start : start + _BATCH]
            drawn = rng.integers(0, tiles.shape[1], (len(batch), _TILES))
            seen = tiles[batch[:, None], drawn].astype(np.float32)
            total += float(model.train_on_batch(seen, wanted[batch])) * len(batch)
        mean = total / len(tiles)
    return model, mean


def _loss(wanted: Any, output: Any) -> Any:
    """The negative log-likelihood of `wanted` up to a constant, (n,).

    The coefficients have a multivariate t distribution. The residual, whose mean square is the
    last column, is normal and counts as `_APART` independent numbers.
    """
    mean, factor = coefficients_of(output)
    away = ops.solve_triangular(factor, (wanted[:, :-1] - mean)[..., None], lower=True)
    distance = ops.sum(ops.square(away[..., 0]), axis=1)
    volume = ops.sum(ops.log(ops.diagonal(factor, axis1=1, axis2=2)), axis=1)
    curve = volume + (_DEGREES + COMPONENTS) / 2 * ops.log(1 + distance / _DEGREES)
    residual = residual_of(output)
    misfit = wanted[:, -1] / (2 * ops.square(residual))
    return curve + _APART * (ops.log(residual) + misfit)


def spread_scale(basis: Basis, outputs: FloatArray, curves: FloatArray, metric: Metric) -> float:
    """The factor for standard deviations, from outputs (n, .) for images not fitted to.

    Errors are taken where the curves (n, 100) cross the usual targets. They have longer tails
    than a normal distribution, so the factor fits the nearer half and the nearer four fifths.
    """
    mean, factor = (np.asarray(one) for one in coefficients_of(outputs))
    residual = np.asarray(residual_of(outputs))
    middle = basis.mean + mean @ basis.components
    spread = np.swapaxes(factor, 1, 2) @ basis.components
    width = np.sqrt((spread**2).sum(axis=1) + residual[:, None] ** 2)
    ratios = []
    for target in SCALES[metric.name].targets:
        at = crossing(curves, metric.value(target))
        for row in np.flatnonzero((at >= _USED[0]) & (at <= _USED[1])):
            column = int(at[row]) - 1
            away = abs(float(middle[row, column] - curves[row, column]))
            ratios.append(away / float(width[row, column]))
    if not ratios:
        return 1.0
    half, most = (float(np.quantile(ratios, share)) / normal for share, normal in _QUANTILES)
    return math.sqrt(half * most)


def crossing(curves: FloatArray, aim: float) -> npt.NDArray[np.int64]:
    """The first quality at which each curve (n, 100) is at `aim` or above; 101 if none is."""
    above = np.maximum.accumulate(curves, axis=1) >= aim
    found: npt.NDArray[np.int64] = np.where(above.any(axis=1), above.argmax(axis=1) + 1, 101)
    return found
