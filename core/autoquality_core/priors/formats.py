"""Beliefs about the bytes that each encoder needs for a score, jointly over encoders.

An image that is harder than its features suggest is harder for every encoder. So once one encoder
was tried, the bytes of the others are known much better than before. `formats.json` has for each
encoder setting a regression from the features of an image to log(payload bytes per pixel) at a
few scores of SSIMULACRA2, and the covariance of the errors over all settings and scores. A setting
without a quality has one number. `autoquality-train formats` learns them.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np

from autoquality_core.formats import Encoder
from autoquality_core.metrics import SSIMULACRA2
from autoquality_core.priors import SIZE, load_prior, offset_of
from autoquality_core.priors.features import COLOURED_NUMBERS
from autoquality_core.priors.regression import inputs, scaled
from autoquality_core.runtime.arrays import Doubles

FILE = "formats.json"

EFFORT = 0.12
"""The standard deviation of log bytes for an effort of which only the offset was learned.

Around one mean for all images it is 0.04 (WebP effort 2) to 0.24 (AVIF speed 9) over the samples of
the offsets. The features explain about half of that.
"""

UNLEARNED = 0.5
"""As `EFFORT`, for a format that nothing was learned for. It counts as the mean of all."""

UNSEEN = 1.0
"""As `EFFORT`, for an image without features. Most of it is common to all formats."""

NOISE = 0.015
"""The standard deviation of a file's log bytes around the curves of the beliefs."""

SURPRISED, WIDER = 0.1, 2.5
"""The probability that a standard deviation should be so many times as great. Errors of the
regression are not normal: a few images are unlike all others."""

_MOST_SCALE = 1.0
"""The greatest log of an error's size relative to the usual one. Real images stay below; the
regression knows nothing about images that are unlike all others."""

NEAR_LOSSLESS = {70.0: -0.47, 80.0: -0.41, 85.0: -0.36, 90.0: -0.28}
"""By SSIMULACRA2: the log bytes of the smallest near-lossless WebP, relative to the lossless one.
Means over crops of 48 screenshots from the manuals of FreedomBox, GnuCash and MATE."""

NEAR_LOSSLESS_DOUBT = 0.25
"""The standard deviation of `NEAR_LOSSLESS`: up to 0.2 over them, and more over others."""

LOSSLESS_DOUBT = 0.4
"""The standard deviation of log bytes of lossless files that the features do not show. How often
text and icons repeat decides them, and the regression expects 0.2 for screenshots. For the true
deviation of your graphics: `python -m bench.near_lossless IMAGES...`."""

_LEAST_SLOPE = 1e-3
"""The least rise of log bytes with one point of the score."""

_MOST_PAYLOAD = 100.0
"""The greatest expected log bytes per pixel, so that the bytes are a finite number. The line
through the best scores that were learned may lead far beyond what a file has."""

_SCORES = np.arange(0.0, 100.0)


@dataclass(frozen=True, slots=True, eq=False)
class Learned:
    """The contents of `formats.json`, for g scores and n outputs.

    `values` (g,) are the scores on the metric's scale, rising. `places` says which outputs belong
    to a setting: g, or one if it has no quality. `weights` (n, 1 + 2 f + m) map the `inputs` for
    f features and m landmarks to the outputs. `covariance` (n, n) is that of the errors where
    they have the usual size; `scales` (n, 1 + 2 f + m) map the inputs to the log of their size.
    `overheads` are the bytes of files without detail.
    """

    values: Doubles
    places: Mapping[str, slice]
    overheads: Mapping[str, float]
    centre: Doubles
    spread: Doubles
    landmarks: Doubles
    weights: Doubles
    scales: Doubles
    covariance: Doubles
    doubts: Doubles

    @classmethod
    def of(cls, found: Mapping[str, Any]) -> Learned:
        """The learned data, from the JSON value of its file."""
        places: dict[str, slice] = {}
        stop = 0
        for name, one in found["settings"].items():
            start, stop = stop, stop + len(one["weights"])
            places[name] = slice(start, stop)
        settings = found["settings"].values()
        lossless = [len(one["weights"]) == 1 for one in settings for _ in one["weights"]]
        return cls(
            values=np.array([SSIMULACRA2.value(score) for score in found["scores"]]),
            places=places,
            overheads={name: one["overhead"] for name, one in found["settings"].items()},
            centre=np.array(found["centre"]),
            spread=np.array(found["spread"]),
            landmarks=np.array(found["landmarks"]),
            weights=np.array([row for one in settings for row in one["weights"]]),
            scales=np.array([one["scale"] for one in settings for _ in one["weights"]]),
            covariance=np.array(found["covariance"]),
            doubts=np.where(lossless, LOSSLESS_DOUBT, 0.0),
        )


@cache
def learned() -> Learned:
    """The data of this folder."""
    return Learned.of(json.loads(files(__package__).joinpath(FILE).read_text(encoding="utf-8")))


class SizeBeliefs:
    """What is known about the bytes of one image in each of several encoders.

    Bytes are those of files without metadata. Scores are SSIMULACRA2.
    """

    def __init__(
        self,
        encoders: Sequence[Encoder],
        pixels: int,
        features: Doubles | None,
        *,
        doubt: float = 0.0,
        data: Learned | None = None,
    ) -> None:
        """`pixels` counts all frames; `features` are those with chroma, None for animations.

        `doubt` is the standard deviation of what the features do not show, such as alpha.
        """
        data = data or learned()
        self._values, self._pixels = data.values, pixels
        near = scaled(data.centre if features is None else features, data.centre, data.spread)
        seen = inputs(near, data.landmarks)
        coloured = None if features is None else features[:COLOURED_NUMBERS]
        picked = [_pick(data, one, coloured) for one in encoders]
        chosen = np.concatenate([rows for rows, _, _, _ in picked])
        shift = np.concatenate([shift for _, _, _, shift in picked])
        self._mean: Doubles = chosen @ (data.weights @ seen) + shift
        scale = np.exp(np.minimum(data.scales @ seen, _MOST_SCALE))
        covariance = data.covariance * np.outer(scale, scale) + np.diag(data.doubts**2)
        common = doubt if features is not None else math.hypot(doubt, UNSEEN)
        self._covariance: Doubles = chosen @ covariance @ chosen.T + common**2
        self._parts: dict[Encoder, slice] = {}
        self._overheads: dict[Encoder, float] = {}
        stop = 0
        for encoder, (rows, own, overhead, _) in zip(encoders, picked, strict=True):
            start, stop = stop, stop + len(rows)
            self._parts[encoder] = part = slice(start, stop)
            self._overheads[encoder] = overhead
            self._covariance[part, part] += own**2 + (common / 3) ** 2

    def observe(self, encoder: Encoder, size_bytes: int, score: float) -> None:
        row = self._row(encoder, score)
        towards = self._covariance @ row
        gain = towards / (float(row @ towards) + NOISE**2)
        away = self._payload(encoder, size_bytes) - float(row @ self._mean)
        self._mean = self._mean + gain * away
        self._covariance = self._covariance - np.outer(gain, towards)

    def bytes_at(self, encoder: Encoder, score: float) -> float:
        """The median of the bytes that reach a score."""
        mean = float(self._row(encoder, score) @ self._mean)
        return self._overheads[encoder] + self._pixels * math.exp(min(mean, _MOST_PAYLOAD))

    def saving(self, encoder: Encoder, score: float, size_bytes: int) -> float:
        """The share of `size_bytes` that this encoder is expected to save at a score, 0 to 1.

        A larger file saves nothing.
        """
        mean, usual = self._belief(encoder, score)
        room = self._payload(encoder, size_bytes)
        saved = 0.0
        for weight, deviation in ((1 - SURPRISED, usual), (SURPRISED, WIDER * usual)):
            away = (room - mean) / deviation
            smaller = _cdf(away - deviation)
            # For scores far above those learned, the first factor alone is too large for a float.
            taken = math.exp(mean - room + deviation**2 / 2 + math.log(smaller)) if smaller else 0.0
            saved += weight * (_cdf(away) - taken)
        return max(0.0, saved) * max(0.0, 1 - self._overheads[encoder] / size_bytes)

    def score_at(self, encoder: Encoder, size_bytes: float) -> tuple[float, float]:
        """The expected score of a file of `size_bytes`, and its standard deviation.

        Without a quality, it is 100 if the file is no larger, else 0.
        """
        room = self._payload(encoder, size_bytes)
        if self._mean[self._parts[encoder]].size == 1:
            mean, deviation = self._belief(encoder, 100.0)
            fits = _cdf((room - mean) / deviation)
            return 100 * fits, 100 * math.sqrt(fits * (1 - fits))
        rows = np.array([self._row(encoder, score) for score in _SCORES])
        curve = np.maximum.accumulate(rows @ self._mean)
        score = float(np.interp(room, curve, _SCORES))
        slope = max(float(np.interp(score, _SCORES, np.gradient(curve))), _LEAST_SLOPE)
        return score, self._belief(encoder, score)[1] / slope

    def gain(self, encoder: Encoder, size_bytes: float, score: float) -> float:
        """By how many points a file of `size_bytes` is expected to exceed a score, at least 0."""
        mean, usual = self.score_at(encoder, size_bytes)
        gained = 0.0
        for weight, wider in ((1 - SURPRISED, 1.0), (SURPRISED, WIDER)):
            deviation = max(wider * usual, 1e-6)
            away = (mean - score) / deviation
            density = math.exp(-0.5 * away**2) / math.sqrt(2 * math.pi)
            gained += weight * ((mean - score) * _cdf(away) + deviation * density)
        return max(0.0, gained)

    def _belief(self, encoder: Encoder, score: float) -> tuple[float, float]:
        """The mean and the standard deviation of the log payload per pixel at a score."""
        row = self._row(encoder, score)
        variance = max(float(row @ self._covariance @ row), 0.0) + NOISE**2
        return float(row @ self._mean), math.sqrt(variance)

    def _row(self, encoder: Encoder, score: float) -> Doubles:
        """The weights of all outputs at a score: a line between those next to it."""
        part = self._parts[encoder]
        row = np.zeros(self._mean.size)
        if part.stop - part.start == 1:
            row[part] = 1.0
            return row
        value, values = SSIMULACRA2.value(score), self._values
        at = int(np.clip(np.searchsorted(values, value), 1, values.size - 1))
        share = (value - values[at - 1]) / (values[at] - values[at - 1])
        row[part.start + at - 1 : part.start + at + 1] = 1 - share, share
        return row

    def _payload(self, encoder: Encoder, size_bytes: float) -> float:
        """The log payload per pixel of a file."""
        return math.log(max(size_bytes - self._overheads[encoder], 1.0) / self._pixels)


def _cdf(x: float) -> float:
    """The standard normal distribution function, also precise far below 0."""
    return 0.5 * math.erfc(-x / math.sqrt(2))


def _pick(
    data: Learned, encoder: Encoder, features: Doubles | None
) -> tuple[Doubles, float, float, Doubles]:
    """The outputs of an encoder (rows, n), its own deviation, its overhead, its shift (rows).

    `features` are those of luma and chroma.
    """
    rows, own, overhead = _learned_rows(data, encoder)
    if encoder.near_lossless is None:
        shift = np.zeros(len(rows))
        for key in encoder.learned_offsets if len(rows) > 1 else ():
            if key not in data.places:
                shift += effort_shift(data.values, encoder.learned, key, features)
        return rows, own, overhead, shift
    known = [SSIMULACRA2.value(score) for score in NEAR_LOSSLESS]
    shift = np.interp(data.values, known, [*NEAR_LOSSLESS.values()])
    return np.repeat(rows, len(shift), axis=0), NEAR_LOSSLESS_DOUBT, overhead, shift


def _learned_rows(data: Learned, encoder: Encoder) -> tuple[Doubles, float, float]:
    each = np.eye(len(data.weights))
    nearest = ((encoder.learned, EFFORT),) if encoder.takes_quality else ()
    for key, own in ((encoder.setting, 0.0), *nearest):
        if key in data.places:
            return each[data.places[key]], own, data.overheads[key]
    alike = [
        each[place]
        for place in data.places.values()
        if (place.stop - place.start > 1) is encoder.takes_quality
    ]
    return np.mean(alike, axis=0), UNLEARNED, float(np.mean([*data.overheads.values()]))


def effort_shift(
    values: Doubles, learned: str, key: str, features: Doubles | None = None
) -> Doubles:
    """The log bytes at some values of SSIMULACRA2, relative to those of the usual effort.

    They are those of an image with the mean curves of `learned`. `key` is that of an offset from
    these, which may depend on the features.
    """
    curves = []
    for name in (SSIMULACRA2.name, SIZE):
        usual, offset = load_prior(learned, name).mean, offset_of(key, name, features)
        curves.append((usual, usual if offset is None else usual + offset.mean))
    (scores, other_scores), (sizes, other_sizes) = curves
    return np.interp(values, np.maximum.accumulate(other_scores), other_sizes) - np.interp(
        values, np.maximum.accumulate(scores), sizes
    )
