"""Fitting a network to examples, on any backend of Keras (KERAS_BACKEND)."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
from keras import ops

from autoquality_train.basis import Basis
from autoquality_train.examples import Examples, parts
from autoquality_train.network.calibration import spread_scale
from autoquality_train.network.head import COMPONENTS, coefficients_of, head, rest_of
from autoquality_train.network.statistics import Strengths, TileStatistics, strengths_for

FloatArray = npt.NDArray[np.float32]

MEMBERS = 5
"""Networks whose answers are averaged; each is fitted without one part of the images, which
tells how wrong it is on what it never saw."""

_LEAST_LEFT_OUT = 5
"""Images that each is fitted without; where there are too few, there are fewer networks."""

_BATCH = 64
_TILES = 338
"""Tiles drawn of each mosaic for one step, with replacement: an image is no fixed set of tiles."""

_APART = 5.0
"""Stretches of a curve whose rests have nothing to do with each other."""

_RATE = 2e-3
_DEGREES = 5.0
"""Of Student's t: some images are like no other, and must not decide what the rest look like."""


class TooFewImages(Exception):
    """There is too little to learn from; `str` says how much is needed."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """A network for one encoder setting, ready to be frozen.

    `scale` widens the members' standard deviations to what was seen on images
    that a member was not fitted to; `left_out` (n,) tells which member that
    was for each example, and `record` what a side file should.
    """

    setting: str
    members: list[keras.Model]
    basis: Basis
    scale: float
    left_out: npt.NDArray[np.int64]
    record: dict[str, Any] = field(default_factory=dict)

    def save(self, folder: Path) -> None:
        """Write all that `freeze` needs to `folder`, for a process with another backend."""
        for number, member in enumerate(self.members):
            member.save(folder / f"{number}.keras")
        numbers = np.array([self.scale, len(self.members)])
        np.savez(
            folder / "fitted.npz",
            setting=np.array(self.setting),
            mean=self.basis.mean,
            components=self.basis.components,
            numbers=numbers,
            left_out=self.left_out,
        )

    @classmethod
    def restore(cls, folder: Path) -> Fitted:
        """What `save` wrote."""
        with np.load(folder / "fitted.npz") as kept:
            scale, count = kept["numbers"]
            basis = Basis(kept["mean"], kept["components"])
            setting, left_out = str(kept["setting"]), kept["left_out"]
        members = [
            keras.saving.load_model(folder / f"{number}.keras", compile=False)
            for number in range(int(count))
        ]
        return cls(setting, members, basis, float(scale), left_out)


def fit(examples: Examples, *, epochs: int, seed: int, progress: Callable[[str], None]) -> Fitted:
    """Fit networks, `MEMBERS` of them, to the examples of one setting.

    Deterministic for a seed, a backend and a machine. Raises TooFewImages for
    examples of fewer than two images.
    """
    images = len(set(examples.groups))
    part = parts(examples.groups, min(MEMBERS, max(2, images // _LEAST_LEFT_OUT)), seed)
    count = int(part.max()) + 1
    if count < 2:
        raise TooFewImages("a network needs at least 2 images to learn from; it got 1")
    strengths = strengths_for(examples.setting)
    tiles = tile_statistics(examples.mosaics, strengths)
    basis = Basis.of(examples.curves, COMPONENTS)
    wanted = np.column_stack([basis.coefficients(examples.curves), basis.rest(examples.curves)])
    members = []
    unseen = np.empty((len(examples), 0), np.float32)
    for number in range(count):
        learn = np.flatnonzero(part != number)
        model, loss = _fit_member(
            tiles[learn], wanted[learn], len(strengths), epochs, seed * MEMBERS + number
        )
        progress(f"network {number + 1} of {count}, loss {loss:.3f}")
        members.append(model)
        away = np.flatnonzero(part == number)
        output = model.predict(tiles[away].astype(np.float32), verbose=0)
        if not unseen.size:
            unseen = np.empty((len(examples), output.shape[1]), np.float32)
        unseen[away] = output
    scale = spread_scale(basis, unseen, examples.curves)
    record = {
        "images": images,
        "samples": len(examples),
        "members": count,
        "epochs": epochs,
        "seed": seed,
        "spread_scale": round(scale, 3),
        "keras": keras.__version__,
        "backend": keras.backend.backend(),
    }
    return Fitted(examples.setting, members, basis, scale, part, record)


def tile_statistics(
    mosaics: npt.NDArray[np.uint8], strengths: Strengths
) -> npt.NDArray[np.float16]:
    """What TileStatistics says of each mosaic: (n, 676, f), kept in half precision."""
    layer = TileStatistics(strengths)
    step = 16
    found = [
        np.asarray(layer(np.ascontiguousarray(mosaics[start : start + step]))).astype(np.float16)
        for start in range(0, len(mosaics), step)
    ]
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
    model.compile(keras.optimizers.AdamW(rate, weight_decay=2e-3, clipnorm=1.0), loss=_surprise)
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


def _surprise(wanted: Any, output: Any) -> Any:
    """-log density of what was wanted, but for a constant; (n,).

    The coefficients are taken to be of a multivariate t distribution; the rest,
    whose mean square is the last column, to be normal and as good as `_APART`
    independent numbers.
    """
    mean, factor = coefficients_of(output)
    away = ops.solve_triangular(factor, (wanted[:, :-1] - mean)[..., None], lower=True)
    distance = ops.sum(ops.square(away[..., 0]), axis=1)
    volume = ops.sum(ops.log(ops.diagonal(factor, axis1=1, axis2=2)), axis=1)
    curve = volume + (_DEGREES + COMPONENTS) / 2 * ops.log(1 + distance / _DEGREES)
    rest = rest_of(output)
    return curve + _APART * (ops.log(rest) + wanted[:, -1] / (2 * ops.square(rest)))
