"""Tone mapping from HDR to SDR, by the EETF of ITU-R BT.2390 (section 5.4.1).

Samples of PQ and HLG become light in nits. The reference white of BT.2408, 203 nits,
becomes the white of SDR, so graphics and faces keep their intended brightness.

A curve compresses brighter light: the range from middle tones to the brightest pixel
is mapped to the range from middle tones to white. It is applied to the largest of R, G
and B, which preserves hues. The brightest pixel is searched for, because MaxCLL in the
file is often missing or wrong. An image that stays below 203 nits is not changed.
"""

from __future__ import annotations

import numpy as np

from autoquality_core.images.colour.cicp import pq_light, pq_samples
from autoquality_core.runtime.arrays import Doubles, Floats

PEAK_NITS = 10_000.0  # the light of PQ that is 1
HLG_PEAK = 1_000.0 / PEAK_NITS  # of the display that HLG is graded for
HLG_SYSTEM_GAMMA = 1.2
WHITE = 203.0 / PEAK_NITS

GAINS = 1 << 14

_BRIGHTEST = 99.99
"""The percentile that counts as the brightest pixel: a few outliers must not darken the image."""


def peak(largest: Floats) -> float:
    """The light of the brightest pixel, given the largest of R, G and B of each pixel."""
    return float(np.percentile(largest, _BRIGHTEST)) if largest.size else 0.0


def gains(brightest: float) -> Floats:
    """Factors for light, after which 1 is the white of SDR.

    There is one for each of GAINS evenly spaced values of the fourth root of the largest
    of R, G and B (1 is 10000 nits).
    """
    light = np.linspace(0, 1, GAINS) ** 4
    mapped = light if brightest <= WHITE else _eetf(light, brightest)
    mapped[0] = light[0] = light[1] ** 2  # no division by zero; black stays black
    return (np.minimum(mapped, WHITE) / light / WHITE).astype(np.float32)


def _eetf(light: Doubles, brightest: float) -> Doubles:
    """The EETF of BT.2390, with a black of 0 in source and display."""
    source = pq_samples(np.array(min(brightest, 1.0)))
    white = pq_samples(np.array(WHITE)) / source
    knee = 1.5 * white - 0.5
    level = np.minimum(pq_samples(light) / source, 1)
    t = np.clip((level - knee) / (1 - knee), 0, 1)
    spline = (
        (2 * t**3 - 3 * t**2 + 1) * knee
        + (t**3 - 2 * t**2 + t) * (1 - knee)
        + (-2 * t**3 + 3 * t**2) * white
    )
    return pq_light(np.where(level < knee, level, spline) * source)
