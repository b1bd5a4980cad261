"""The encoders that may write an image, each with the pixels that its format can hold."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from autoquality_core.errors import InvalidRequest
from autoquality_core.formats import (
    ENCODERS,
    Encoder,
    JxlEncoder,
    JxlTranscoder,
    encoder_for,
    substitute,
)
from autoquality_core.images import Pixels
from autoquality_core.images.hidden import with_black, with_continued_colours
from autoquality_core.pipeline.job import Considered, EncodeJob
from autoquality_core.pipeline.sources import Origin, requested_formats
from autoquality_core.types import Format, Notice, NoticeCode, Verdict


@dataclass(frozen=True, slots=True)
class Candidate:
    """An encoder that may write the image; `notices` say what its format cannot hold.

    `optional` says that it is without loss, or near-lossless, and an alternative to a lossy file of
    the same format.
    """

    encoder: Encoder
    pixels: Pixels
    notices: tuple[Notice, ...] = ()
    optional: bool = False


def candidates(
    job: EncodeJob, pixels: Pixels, origin: Origin
) -> tuple[tuple[Candidate, ...], list[Considered]]:
    """The candidates for an image, at least one, and the formats that were left out.

    Formats that lose more of the image than others are left out. Of several candidates of one
    format, the first is the usual one. Raises InvalidRequest if no format that was allowed can hold
    the image.
    """
    formats = requested_formats(job, origin.format, has_alpha=pixels.has_alpha)
    if len(formats) == 1:
        return tuple(_variants(job, formats[0], pixels, origin)), []
    losses = {fmt: _loss(fmt, pixels, origin) for fmt in formats}
    least = min(rank for rank, _ in losses.values())
    kept = [fmt for fmt, (rank, _) in losses.items() if rank == least]
    left_out = [
        Considered(fmt, Verdict.CANNOT_HOLD_IMAGE, losses[fmt][1])
        for fmt in formats
        if fmt not in kept
    ]
    return tuple(one for fmt in kept for one in _variants(job, fmt, pixels, origin)), left_out


def _loss(fmt: Format, pixels: Pixels, origin: Origin) -> tuple[tuple[bool, ...], str]:
    """How much of an image a format loses, worst first, and why it may be left out."""
    name = ENCODERS[fmt].name
    try:
        written = substitute(fmt, pixels.width, pixels.height, has_alpha=pixels.has_alpha)
    except InvalidRequest as error:
        return (True,), error.description
    encoder = ENCODERS[written]
    # A JPEG XL with the coefficients of a JPEG has its profile too.
    keeps_profile = encoder.keeps_profile or (written is Format.JXL and origin.jpeg is not None)
    why = {
        f"{name} is written without animation": pixels.frames > 1 and not encoder.keeps_animation,
        f"{name} has no transparency": pixels.has_alpha and not encoder.keeps_alpha,
        f"{name} is written without a profile": bool(pixels.profile) and not keeps_profile,
        f"{name} cannot hold an image of {pixels.width}x{pixels.height}": written is not fmt,
    }
    return (False, *why.values()), ", ".join(text for text, loses in why.items() if loses)


def candidate_of(job: EncodeJob, encoder: Encoder, pixels: Pixels, origin: Origin) -> Candidate:
    """The candidate for an encoder and an image that its format can hold."""
    fmt, notices = encoder.format, []
    if pixels.has_alpha and not encoder.keeps_alpha:
        message = f"{fmt.name} has no transparency: flattened on the background"
        notices.append(Notice(NoticeCode.ALPHA_FLATTENED, message))
        pixels = pixels.flattened(job.options.background)
    profiled = pixels.profile is not None and not encoder.keeps_profile
    if profiled:
        pixels = pixels.in_srgb()
    if not encoder.keeps_profile and (profiled or origin.converted):
        message = f"{fmt.name} cannot hold the profile: the colours were converted to sRGB"
        notices.append(Notice(NoticeCode.METADATA_DROPPED, message))
    if profiled and pixels.clipped:
        message = "colours of the source lie outside sRGB and were clipped"
        notices.append(Notice(NoticeCode.COLORS_CLIPPED, message))
    if job.options.keep_hidden_colors:
        pixels = replace(pixels, exact=True)
    else:
        replace_hidden = with_continued_colours if encoder.takes_quality else with_black
        pixels = replace_hidden(pixels)
    return Candidate(encoder, pixels, tuple(notices))


def _variants(
    job: EncodeJob, requested: Format, pixels: Pixels, origin: Origin
) -> Iterator[Candidate]:
    """The candidates of one format."""
    substituted: tuple[Notice, ...] = ()
    fmt = substitute(requested, pixels.width, pixels.height, has_alpha=pixels.has_alpha)
    if fmt is not requested:
        size = f"{pixels.width}x{pixels.height}"
        message = f"{requested.name} cannot hold an image of {size}: written as {fmt.name}"
        substituted = (Notice(NoticeCode.FORMAT_SUBSTITUTED, message),)
    encoder = encoder_for(fmt, job.options)
    if isinstance(encoder, JxlEncoder) and encoder.options.lossless and origin.jpeg is not None:
        kept = pixels.profile is not None
        transcoder = JxlTranscoder.of(origin.jpeg, encoder.options, keep_profile=kept)
        if transcoder is not None:
            yield Candidate(transcoder, pixels, substituted)
            return
    lossy: Candidate | None = None
    for one in encoder.variants(grey=pixels.bands < 3):
        if lossy is not None and one.takes_quality:
            yield replace(lossy, encoder=one)
            continue
        found = candidate_of(job, one, pixels, origin)
        optional = lossy is not None and not one.takes_quality
        found = replace(found, notices=(*substituted, *found.notices), optional=optional)
        lossy = found if one.takes_quality else lossy
        yield found


def source_notices(pixels: Pixels, origin: Origin) -> list[Notice]:
    """One notice for each loss between the source and its decoded pixels."""
    notices = []
    if origin.damaged:
        message = "the source is truncated or damaged: what could be decoded was encoded"
        notices.append(Notice(NoticeCode.SOURCE_TRUNCATED, message))
    several = max(origin.frames, origin.pages)
    if several > pixels.frames:
        message = f"the source has {several} frames or pages: only the first was encoded"
        notices.append(Notice(NoticeCode.FIRST_FRAME_ONLY, message))
    if pixels.tone_mapped:
        message = "the source is HDR: its brightness was mapped to the range of SDR"
        notices.append(Notice(NoticeCode.HDR_TONE_MAPPED, message))
    if pixels.clipped:
        message = (
            "colours of the source lie outside sRGB and were clipped; color_profile keeps them"
        )
        notices.append(Notice(NoticeCode.COLORS_CLIPPED, message))
    if origin.gain_map:
        message = "the source has a gain map for HDR screens: it was left out"
        notices.append(Notice(NoticeCode.GAIN_MAP_DROPPED, message))
    return notices
