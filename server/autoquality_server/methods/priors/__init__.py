"""What is known of each encoder's curves before an image is seen.

The JSON files beside this module are made by `autoquality-train priors` from
sweeps over a corpus; each tells its encoder settings, corpus and versions.
Those by which a sketch of the image tells more are of `sketched`, those of
slower settings of `offsets`.
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

from autoquality_server.domain import EncoderOptions, Format
from autoquality_server.image import Pixels
from autoquality_server.methods.priors.offsets import offset
from autoquality_server.methods.priors.sketched import sketched
from autoquality_server.methods.sketch import Detail, detail
from autoquality_server.search import CurvePrior, Roughness

FloatArray = npt.NDArray[np.float64]

UNLEARNED = {
    "dssim": CurvePrior.smooth(2.5, 7, noise=0.005, allowance=0.05),
    "size": CurvePrior.smooth(-4, -1, noise=0.002, allowance=0.01),
}
"""For an encoder setting without a file: curves of the usual slope, of any level."""

_FEW = 64
"""Blocks below which every quality is tried for a DSSIM; that takes milliseconds."""

_SATURATED = 16
"""Flat areas of saturated colours count as so much less detail."""

_LARGE = 160_000
"""Pixels from which a probe costs too much to be spent on every oddity."""

_LARGE_SHARE = 0.5
"""The share of the worst that was seen of size curves that is provided for in large images."""

_JITTER_BYTES = 8
"""By so many bytes, the tables of a file vary from quality to quality."""

_BYTES_OF_BLOCK = {"avif": 1.5}
_USUAL_BYTES_OF_BLOCK = 3.0
"""Bytes that a block takes at least, if it is to average anything out."""

DETAILED = 2048
"""Different blocks with detail from which on the roughness of a curve is that of photographs."""

WHOLE_CHROMA = 90
"""The quality from which JPEG and AVIF keep chroma whole: their curves break there."""

TINY_PIXELS = 160 * 160
"""The smallest images of the corpus that DSSIM curves were learned from."""


def dssim_prior(
    fmt: Format, options: EncoderOptions, pixels: int, sketch: FloatArray | None = None
) -> CurvePrior:
    """The prior of -log(DSSIM) for this encoder setting and an image of `pixels`.

    With the image's sketch, of this image; else of any.
    """
    encoder = encoder_name(fmt, options)
    prior = _load(encoder, "dssim")
    tinier = roughness(np.array(pixels)) / roughness(np.array(TINY_PIXELS))
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
    prior = _load(encoder, "size")
    prior = replace(prior, allowance=prior.allowance * float(roughness(np.array(pixels))))
    learned = None if sketch is None else sketched(encoder, "size")
    if sketch is not None and learned is not None:
        payload, covariance = learned.curve(sketch)
        size = np.logaddexp(payload, np.log(learned.overhead / pixels))
        prior = prior.with_curve(size, covariance)
    return _raised(prior, fmt, options, "size")


def roughness(pixels: npt.NDArray[np.number]) -> npt.NDArray[np.float64]:
    """How much rougher than at 512x512 a size curve is at that many pixels.

    What one block adds or saves averages out with the root of their number.
    """
    rougher: npt.NDArray[np.float64] = np.sqrt(512 * 512 / pixels)
    return rougher.clip(0.25, 32)


def rough(
    pixels: Pixels, fmt: Format, options: EncoderOptions, curve: str, budget: float = math.inf
) -> Roughness:
    """How far the "dssim" or "size" curve of an image may turn back.

    With `DETAILED` different blocks or more, images behave alike, and what was
    learned of photographs holds. With fewer, `*.rough.json` has what was seen of
    images with as few, apart for those of few colours. A small `budget` in bytes
    leaves no more detail than it has room for. To rule out every oddity would take a
    probe of most qualities: that is for small images.
    """
    encoder = encoder_name(fmt, options)
    area = pixels.frames * pixels.height * pixels.width
    prior = (dssim_prior if curve == "dssim" else size_prior)(fmt, options, area)
    breaks = (WHOLE_CHROMA,) if _breaks(fmt, options, grey=pixels.bands < 3) else ()
    usual = Roughness(prior.allowance, prior.allowance, breaks)
    learned = _rough(encoder)
    if learned is None:
        return usual
    seen = detail(pixels)
    blocks = effective_blocks(seen, encoder, curve, budget)
    if blocks >= DETAILED:
        # A budget is kept to the byte, and one more probe proves it.
        return usual if curve == "size" else replace(usual, near=tuple(learned["near"]))
    if curve == "dssim" and area >= _LARGE:
        return usual
    kind = learned[curve]["simple" if seen.simple else "rich"]
    at = int(math.log2(blocks))
    least = max(_load(encoder, curve).allowance, _JITTER_BYTES / budget)
    if curve == "dssim" and blocks < _FEW:
        return Roughness(math.inf, math.inf)  # with so little, anything happens
    share = _LARGE_SHARE if area >= _LARGE else 1.0
    within, across = (max(least, share * kind[name][at]) for name in ("within", "across"))
    return Roughness(within, across, breaks, smooth=False)


def effective_blocks(seen: Detail, encoder: str, curve: str, size_bytes: float) -> float:
    """The blocks that a curve's roughness averages out over, where a file has so many bytes."""
    if curve == "dssim":
        return max(1.0, seen.blocks / _SATURATED if seen.saturated else seen.blocks)
    learned = sketched(encoder, "size")
    payload = size_bytes - (0.0 if learned is None else learned.overhead)
    room = payload / _BYTES_OF_BLOCK.get(encoder, _USUAL_BYTES_OF_BLOCK)
    return max(1.0, min(seen.blocks, room))


def _breaks(fmt: Format, options: EncoderOptions, *, grey: bool) -> bool:
    """Whether chroma is halved below quality `WHOLE_CHROMA` and whole from there on."""
    if fmt is Format.JPEG:
        return not (grey or options.jpeg.no_subsample)
    return fmt is Format.AVIF and not options.avif.no_subsample


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
def _rough(encoder: str) -> Any | None:
    file = files(__package__).joinpath(f"{encoder}.rough.json")
    return json.loads(file.read_text(encoding="utf-8"))["curves"] if file.is_file() else None


@cache
def _load(encoder: str, curve: str) -> CurvePrior:
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
