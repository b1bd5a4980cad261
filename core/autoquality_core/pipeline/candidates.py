"""The encoders that may write an image, each with the pixels that its format can hold."""

from __future__ import annotations

from dataclasses import dataclass

from autoquality_core.formats import Encoder, JxlEncoder, JxlTranscoder, encoder_for, substitute
from autoquality_core.images import Pixels
from autoquality_core.images.hidden import with_black, with_continued_colours
from autoquality_core.pipeline.job import EncodeJob
from autoquality_core.pipeline.sources import Origin, requested_formats
from autoquality_core.types import Format, Notice, NoticeCode


@dataclass(frozen=True, slots=True)
class Candidate:
    """An encoder that may write the image; `notices` say what its format cannot hold."""

    encoder: Encoder
    pixels: Pixels
    notices: tuple[Notice, ...] = ()


def candidates(job: EncodeJob, pixels: Pixels, origin: Origin) -> tuple[Candidate, ...]:
    """The candidates for an image, at least one.

    Raises InvalidRequest if no format that was allowed can hold the image.
    """
    formats = requested_formats(job, origin.format, has_alpha=pixels.has_alpha)
    return tuple(_candidate(job, fmt, pixels, origin) for fmt in formats)


def _candidate(job: EncodeJob, requested: Format, pixels: Pixels, origin: Origin) -> Candidate:
    notices = []
    fmt = substitute(requested, pixels.width, pixels.height, has_alpha=pixels.has_alpha)
    if fmt is not requested:
        size = f"{pixels.width}x{pixels.height}"
        message = f"{requested.name} cannot hold an image of {size}: written as {fmt.name}"
        notices.append(Notice(NoticeCode.FORMAT_SUBSTITUTED, message))
    encoder = encoder_for(fmt, job.options)
    if isinstance(encoder, JxlEncoder) and encoder.options.lossless and origin.jpeg is not None:
        kept = pixels.profile is not None
        transcoder = JxlTranscoder.of(origin.jpeg, encoder.options, keep_profile=kept)
        if transcoder is not None:
            return Candidate(transcoder, pixels, tuple(notices))
    if pixels.has_alpha and not encoder.keeps_alpha:
        message = f"{fmt.name} has no transparency: flattened on the background"
        notices.append(Notice(NoticeCode.ALPHA_FLATTENED, message))
        pixels = pixels.flattened(job.options.background)
    profiled = pixels.profile is not None and not encoder.keeps_profile
    if profiled:
        pixels = pixels.in_srgb()
    if profiled or origin.converted:
        message = f"{fmt.name} cannot hold the profile: the colours were converted to sRGB"
        notices.append(Notice(NoticeCode.METADATA_DROPPED, message))
    if profiled and pixels.clipped:
        message = "colours of the source lie outside sRGB and were clipped"
        notices.append(Notice(NoticeCode.COLORS_CLIPPED, message))
    if not job.options.keep_hidden_colors:
        replace_hidden = with_continued_colours if encoder.takes_quality else with_black
        pixels = replace_hidden(pixels)
    return Candidate(encoder, pixels, tuple(notices))


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
