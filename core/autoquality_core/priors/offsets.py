"""How far the curves of slower settings lie from those that are known of a format.

The files `*.offset.json` are made by `autoquality-train offsets`.
"""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files

import numpy as np

from autoquality_core.search import Offset
from autoquality_core.types import EncoderOptions, Format

_REACH = 5.0
"""Qualities over which what components leave of a difference stays alike."""

_USUAL_EFFORT, _USUAL_SPEED = 4, 8
"""Of WebP and AVIF: what curves were learned of."""


def offset(fmt: Format, options: EncoderOptions, curve: str) -> Offset | None:
    """By how much the "dssim" or "size" curve is raised by options slower than the usual ones."""
    slow = (fmt is Format.WEBP and options.webp.effort > _USUAL_EFFORT) or (
        fmt is Format.AVIF and options.avif.speed < _USUAL_SPEED
    )
    return _load(f"{fmt.value}-slow", curve) if slow else None


@cache
def _load(name: str, curve: str) -> Offset | None:
    file = files(__package__).joinpath(f"{name}.offset.json")
    if not file.is_file():
        return None
    learned = json.loads(file.read_text(encoding="utf-8"))["curves"][curve]
    components = np.array(learned["components"])
    places = np.arange(components.shape[1])
    distance = (places[:, None] - places[None, :]) / _REACH
    covariance = components.T @ components
    covariance += learned["residual"] ** 2 * np.exp(-0.5 * distance**2)
    return Offset(np.array(learned["mean"]), covariance)
