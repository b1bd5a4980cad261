"""The knowledge about each encoder's curves before the first probe of an image.

A curve is log(bytes per pixel), named "size", or the values of a metric, named as the metric.
The JSON files in this folder are learned from sweeps over a corpus by `autoquality-train`:

    KEY.json            mean and covariance of an encoder's curves     (priors)
    KEY.features.json   the regression from image features to curves   (features)
    KEY.offset.json     the distance of curves with other options      (offsets)

KEY is `Encoder.learned` or one of `Encoder.learned_offsets`. Each file names its encoder options,
corpus and library versions. A curve that was learned apart from the rest has an `origin` of its
own.
"""

from __future__ import annotations

import json
import math
from dataclasses import replace
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
import numpy.typing as npt

from autoquality_core.formats import Encoder
from autoquality_core.metrics import METRICS, Metric
from autoquality_core.priors.regression import FeatureRegression
from autoquality_core.runtime.arrays import Doubles
from autoquality_core.search.bounds import Roughness
from autoquality_core.search.curve import CurvePrior, Gaussian, Offset, unexplained

SIZE = "size"

USUAL_SIDE = 448
"""Pixels a side of the images that values are learned for."""

TINY_PIXELS = 160 * 160
"""The smallest images that an allowance of scores holds for, unless the file names another size."""


def score_prior(
    encoder: Encoder,
    metric: Metric,
    pixels: int,
    features: Doubles | None = None,
    predicted: Gaussian | None = None,
    frames: int = 1,
) -> CurvePrior:
    """The prior of the metric's values for an image of `pixels` in all its `frames`.

    With the features of the image, chroma included if the metric sees color, it is the prior of
    this image; else of any. `predicted` is the curve by a network for the options that
    `Encoder.learned` stands for.
    """
    prior = _prior_of(encoder, metric.name)
    learned = load_learned(f"{encoder.learned}.json", metric.name) or {}
    least = np.array(learned.get("allowance_pixels", TINY_PIXELS))
    tinier = size_noise_scale(np.array(pixels)) / size_noise_scale(least)
    prior = _rougher(prior, max(1.0, float(tinier)))
    regression = None if features is None else load_regression(encoder.learned, metric.name)
    if features is not None and regression is not None:
        prior = prior.with_curve(*regression.curve(features))
    if predicted is not None:
        prior = prior.with_curve(predicted.mean, predicted.covariance)
    prior = prior.raised(border_effect(metric, pixels // frames))
    return _with_offsets(prior, encoder, metric.name, features)


def border_effect(metric: Metric, pixels: int) -> float:
    """How much the values of a frame of `pixels` exceed those of one of `USUAL_SIDE`."""
    return metric.border_effect * (USUAL_SIDE / math.sqrt(max(pixels, TINY_PIXELS)) - 1)


def size_prior(encoder: Encoder, pixels: int, features: Doubles | None = None) -> CurvePrior:
    """The prior of log(bytes per pixel) for an image of `pixels`.

    With the features of the image, chroma included, it is the prior of this image; else of any.
    """
    prior = _prior_of(encoder, SIZE)
    prior = _rougher(prior, float(size_noise_scale(np.array(pixels))))
    regression = None if features is None else load_regression(encoder.learned, SIZE)
    if features is not None and regression is not None:
        payload, covariance = regression.curve(features)
        size = np.logaddexp(payload, np.log(regression.overhead / pixels))
        prior = prior.with_curve(size, covariance)
    return _with_offsets(prior, encoder, SIZE, features)


def size_noise_scale(pixels: npt.NDArray[np.number]) -> Doubles:
    """The noise of a size curve at so many pixels, relative to 512x512.

    The noise of single blocks averages out with the root of their number.
    """
    scale: Doubles = np.sqrt(512 * 512 / pixels)
    return scale.clip(0.25, 32)


def _prior_of(encoder: Encoder, curve: str) -> CurvePrior:
    """The prior of the usual options, as rough as the rougher of these and the usual ones."""
    prior = load_prior(encoder.learned, curve)
    usual, breaks = prior.roughness, encoder.breaks
    offsets = [load_learned(f"{key}.offset.json", curve) or {} for key in encoder.learned_offsets]
    within = max(usual.allowance, *(one.get("allowance", 0.0) for one in offsets), 0.0)
    across = max(usual.across, *(one.get("across", 0.0) for one in offsets), 0.0)
    others = (one.get("smooth", one.get("allowance", 0.0)) for one in offsets)
    smooth = max(usual.smooth, *others, 0.0)
    found = Roughness(
        *(within, across, breaks, usual.near, usual.margin), smooth, encoder.smooth_from
    )
    return replace(prior, roughness=found)


def _rougher(prior: CurvePrior, factor: float) -> CurvePrior:
    """The prior of curves that fall further within their parts. A fall at a break stays."""
    usual = prior.roughness
    allowance, smooth = factor * usual.allowance, factor * usual.smooth
    return replace(prior, roughness=replace(usual, allowance=allowance, smooth=smooth))


def _with_offsets(
    prior: CurvePrior, encoder: Encoder, curve: str, features: Doubles | None
) -> CurvePrior:
    for key in encoder.learned_offsets:
        offset = offset_of(key, curve, features)
        prior = prior if offset is None else prior.above(offset)
    return prior


def offset_of(key: str, curve: str, features: Doubles | None) -> Offset | None:
    """The learned distance between two encoders' curves; None if there is none.

    With the features of an image, it is that of this image if it was learned to depend on them;
    else of any.
    """
    regression = None if features is None else load_regression(key, curve, "offset")
    if features is None or regression is None:
        return load_offset(key, curve)
    return Offset(*regression.curve(features))


def unlearned(curve: str) -> CurvePrior:
    """The prior without a corpus: a curve of the usual slope, of unknown level."""
    if curve == SIZE:
        return CurvePrior.smooth(-4, -1, noise=0.002, allowance=0.01)
    metric = METRICS[curve]
    return CurvePrior.smooth(*metric.usual_curve, noise=metric.noise, allowance=metric.allowance)


@cache
def load_prior(key: str, curve: str) -> CurvePrior:
    """The learned prior of an encoder's curve; `unlearned` if there is none."""
    learned = load_learned(f"{key}.json", curve)
    if learned is None:
        return unlearned(curve)
    return CurvePrior.learned(
        np.array(learned["mean"]),
        np.array(learned["components"]),
        residual=learned["residual"],
        noise=learned["noise"],
        roughness=Roughness(
            learned["allowance"],
            learned.get("across", 0.0),
            near=tuple(learned.get("near", ())),
            margin=learned.get("margin", math.inf),
            smooth=learned.get("smooth", math.inf),
        ),
    )


@cache
def load_regression(key: str, curve: str, kind: str = "features") -> FeatureRegression | None:
    """The learned regression from image features to an encoder's curve; None if there is none.

    The `kind` "offset" is the one to the distance of the curve from that of the usual settings.
    """
    learned = load_learned(f"{key}.{kind}.json", curve)
    if kind == "offset" and learned is not None:
        learned = learned.get("by_features")
    if learned is None:
        return None
    arrays = ("centre", "spread", "landmarks", "weights", "mean", "components", "covariance")
    found = {name: np.array(learned[name]) for name in arrays}
    components = found["components"]
    covariance = components.T @ found.pop("covariance") @ components
    covariance += unexplained(learned["residual"])
    return FeatureRegression(**found, covariance=covariance, overhead=learned.get("overhead", 0))


@cache
def load_offset(key: str, curve: str) -> Offset | None:
    """The learned distance between two encoders' curves; None if there is none."""
    learned = load_learned(f"{key}.offset.json", curve)
    if learned is None:
        return None
    components = np.array(learned["components"])
    covariance = components.T @ components + unexplained(learned["residual"])
    offset = Offset(np.array(learned["mean"]), covariance)
    if "gain" not in learned:
        return offset
    start, end = learned["step"]
    return replace(
        offset, gain=np.array(learned["gain"]), step=(start, end), usual_step=learned["usual_step"]
    )


@cache
def load_learned(name: str, curve: str) -> Any | None:
    """A curve's entry in a file of this folder; None if there is no such file or entry."""
    file = files(__package__).joinpath(name)
    if not file.is_file():
        return None
    return json.loads(file.read_text(encoding="utf-8"))["curves"].get(curve)
