"""Quicker settings of the slow encoders: drafts, which tell what the slow ones would give.

What a draft comes to differs from what the encoder itself comes to by an amount
that is much the same for all images (`methods/priors/*.draft.json` tell it). So
a few percent are known for a small part of the time: a JPEG without trellis
takes a seventh, a WebP of effort 2 less than half, an AVIF of speed 8 a
sixteenth of one of speed 4.
"""

from __future__ import annotations

from dataclasses import replace

from autoquality_server.domain import EncoderOptions, Format, JpegOptions

_WEBP_EFFORT, _WEBP_FROM = 2, 4
_AVIF_SPEED, _AVIF_FASTEST = 8, 9


def draft_options(fmt: Format, options: EncoderOptions) -> EncoderOptions | None:
    """The options by which drafts are made; None where no others are quicker enough."""
    if fmt is Format.JPEG and (options.jpeg.trellis_quant or options.jpeg.optimize_scans):
        plain = JpegOptions(
            no_subsample=options.jpeg.no_subsample, quant_table=options.jpeg.quant_table
        )
        return replace(options, jpeg=plain)
    if fmt is Format.WEBP and options.webp.effort >= _WEBP_FROM:
        return replace(options, webp=replace(options.webp, effort=_WEBP_EFFORT))
    if fmt is Format.AVIF and options.avif.speed <= _AVIF_SPEED:
        slow = options.avif.speed < _AVIF_SPEED
        quicker = replace(options.avif, speed=_AVIF_SPEED if slow else _AVIF_FASTEST)
        return replace(options, avif=quicker)
    return None
