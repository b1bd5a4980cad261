"""Colours under transparent pixels cost nothing and do not show, unless a request keeps them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import pyvips

from autoquality_core.formats import EncoderOptions, JxlOptions, WebpOptions, encoder_for
from autoquality_core.images import ImageLimits, open_image
from autoquality_core.metrics import DSSIM
from autoquality_core.pipeline.defaults import Defaults
from autoquality_core.pipeline.job import EncodeJob, EncodeResult
from autoquality_core.pipeline.pipeline import Pipeline
from autoquality_core.runtime.deadline import Deadline
from autoquality_core.types import Format, Lossless, Method, TargetSpec
from tests.formats.sources import photograph
from tests.images.files import AMPLE
from tests.images.test_hidden import cut_out, hidden_colours

PIPELINE = Pipeline(Defaults(), ImageLimits(2**26, 50_000_000))
REPLACED = EncoderOptions()
KEEP = EncoderOptions(keep_hidden_colors=True)
WISHES = {
    "none": TargetSpec(Method.NONE),
    "size": TargetSpec(Method.SIZE, 2500, 5, 95),
    "dssim": TargetSpec(Method.DSSIM, 0.01, 5, 95, 0.002),
}


def encode(
    source: bytes, fmt: Format, spec: TargetSpec, options: EncoderOptions = REPLACED
) -> EncodeResult:
    job = EncodeJob(source, fmt, spec, None, options, measure=(DSSIM,))
    return PIPELINE.encode(job, Deadline())


def variants(frames: int = 1) -> list[bytes]:
    """The same cut-out, with other colours where it is transparent."""
    if frames == 1:
        return [encoder_for(Format.PNG).encode(cut_out(hidden), 0) for hidden in hidden_colours()]
    return [
        bytes(cut_out(hidden, frames).image.webpsave_buffer(lossless=True, exact=True))
        for hidden in hidden_colours()
    ]


@pytest.mark.parametrize("method", WISHES)
@pytest.mark.parametrize("fmt", [Format.WEBP, Format.AVIF, Format.PNG, Format.JXL])
def test_the_same_cut_out_becomes_the_same_file(fmt: Format, method: str) -> None:
    found = {encode(source, fmt, WISHES[method]).image for source in variants()}
    assert len(found) == 1


def test_so_do_animations() -> None:
    found = {encode(source, Format.WEBP, WISHES["none"]).image for source in variants(3)}
    assert len(found) == 1


@pytest.mark.parametrize("fmt", [Format.AVIF, Format.PNG])
def test_it_costs_hardly_anything(fmt: Format) -> None:
    noise = variants()[2]
    replaced = encode(noise, fmt, WISHES["none"])
    kept = encode(noise, fmt, WISHES["none"], KEEP)
    assert len(replaced.image) < 0.75 * len(kept.image)


def test_bright_colours_do_not_bleed_into_edges() -> None:
    """An AVIF of a cut-out on white, as seen on black."""
    white = variants()[3]
    errors = []
    for options in (REPLACED, KEEP):
        image = pyvips.Image.heifload_buffer(
            encode(white, Format.AVIF, WISHES["none"], options).image
        )
        seen = image.flatten(background=[0]).numpy().astype(int)
        truth = cut_out(hidden_colours()[0]).image.flatten(background=[0]).numpy()
        edge = np.abs(cut_out(hidden_colours()[0]).samples[0, ..., 3].astype(int) - 128) < 127
        errors.append(np.abs(seen - truth)[edge].mean())
    assert errors[0] < 0.8 * errors[1]


@pytest.mark.parametrize(
    ("fmt", "options", "error"),
    [
        (Format.PNG, KEEP, 0),
        (Format.WEBP, replace(KEEP, webp=WebpOptions(lossless=Lossless.ALWAYS)), 0),
        (Format.WEBP, KEEP, 8),
        (Format.AVIF, KEEP, 8),
        (Format.JXL, replace(KEEP, jxl=JxlOptions(lossless=True)), 0),
    ],
)
def test_they_are_kept_when_asked_for(fmt: Format, options: EncoderOptions, error: int) -> None:
    written = encode(variants()[1], fmt, WISHES["none"], options).image
    colours = open_image(written, AMPLE).decode(all_frames=False).samples[..., :3]
    assert np.abs(colours.astype(int) - photograph().samples).mean() <= error


def test_png_holds_what_is_visible_unchanged() -> None:
    pixels = cut_out(hidden_colours()[2])
    source = variants()[2]
    samples = pyvips.Image.pngload_buffer(encode(source, Format.PNG, WISHES["none"]).image).numpy()
    visible = pixels.samples[0, ..., 3] > 0
    assert np.array_equal(samples[visible], pixels.samples[0][visible])
    assert np.array_equal(samples[..., 3], pixels.samples[0, ..., 3])
