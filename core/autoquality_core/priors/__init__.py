"""What is known of each encoder's curves before an image is seen.

The JSON files beside this module are made by `autoquality-train priors` from
sweeps over a corpus; each tells its encoder settings, corpus and versions.
Those by which a sketch of the image tells more are of `sketched`, those of
slower settings of `offsets`, those of how far curves turn back of `rough`.
"""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from importlib.resources import files

import numpy as np
import numpy.typing as npt

from autoquality_core.priors.offsets import offset
from autoquality_core.priors.regression import sketched
from autoquality_core.search import CurvePrior
from autoquality_core.types import EncoderOptions, Format

FloatArray = npt.NDArray[np.float64]

UNLEARNED = {
    "dssim": CurvePrior.smooth(2.5, 7, noise=0.005, allowance=0.05),
    "size": CurvePrior.smooth(-4, -1, noise=0.002, allowance=0.01),
}
"""For an encoder setting without a file: curves of the usual slope, of any level."""

TINY_PIXELS = 160 * 160
"""The smallest images of the corpus that DSSIM curves were learned from."""


def dssim_prior(
    fmt: Format, options: EncoderOptions, pixels: int, sketch: FloatArray | None = None
) -> CurvePrior:
    """The prior of -log(DSSIM) for this encoder setting and an image of `pixels`.

    With the image's sketch, of this image; else of any.
    """
    encoder = encoder_name(fmt, options)
    prior = load_prior(encoder, "dssim")
    tinier = size_noise_scale(np.array(pixels)) / size_noise_scale(np.array(TINY_PIXELS))
    prior = replace(prior, allowance=prior.allowance * max(1.0, float(tinier)))
    learned = None if sketch is None else sketched(encoder, "dssim")
    if sketch is not None and learned is not None:
        prior = prior.with_curve(*learned.curve(sketch))
    return _raised(prior, fmt, options, "dssim")


def size_prior(
    fmt: Format, options: EncoderOptions, pixels: int, sketch: FloatArray | None = None
) -> CurvePrior:
    """The prior of log(bytes per pixel) for this encoder setting and an image of `pixels`.

    With the image's sketch, in colours, of this image; else of any.
    """
    encoder = encoder_name(fmt, options)
    prior = load_prior(encoder, "size")
    prior = replace(prior, allowance=prior.allowance * float(size_noise_scale(np.array(pixels))))
    learned = None if sketch is None else sketched(encoder, "size")
    if sketch is not None and learned is not None:
        payload, covariance = learned.curve(sketch)
        size = np.logaddexp(payload, np.log(learned.overhead / pixels))
        prior = prior.with_curve(size, covariance)
    return _raised(prior, fmt, options, "size")


def size_noise_scale(pixels: npt.NDArray[np.number]) -> npt.NDArray[np.float64]:
    """How much rougher than at 512x512 a size curve is at that many pixels.

    What one block adds or saves averages out with the root of their number.
    """
    rougher: npt.NDArray[np.float64] = np.sqrt(512 * 512 / pixels)
    return rougher.clip(0.25, 32)


def encoder_name(fmt: Format, options: EncoderOptions) -> str:
    """The file whose settings come nearest to `options`."""
    if fmt is Format.JPEG and (options.jpeg.trellis_quant or options.jpeg.quant_table != 0):
        return "jpeg-mozjpeg"
    return fmt.value


def _raised(prior: CurvePrior, fmt: Format, options: EncoderOptions, curve: str) -> CurvePrior:
    """The prior of slower options, from that of the usual ones."""
    learned = offset(fmt, options, curve)
    return prior if learned is None else prior.above(learned)


@cache
def load_prior(encoder: str, curve: str) -> CurvePrior:
    """What was learned of an encoder's curve, or else the prior without a corpus."""
    file = files(__package__).joinpath(f"{encoder}.json")
    if not file.is_file():
        return UNLEARNED[curve]
    learned = json.loads(file.read_text(encoding="utf-8"))["curves"][curve]
    return CurvePrior.learned(
        np.array(learned["mean"]),
        np.array(learned["components"]),
        residual=learned["residual"],
        noise=learned["noise"],
        allowance=learned["allowance"],
    )
