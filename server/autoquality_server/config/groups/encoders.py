"""The options of the encoders where a request sets none, from the formats' own declarations."""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from autoquality_core.formats import ENCODERS, OPTIONS, EncoderOptions, Option, options_of
from autoquality_core.types import ColorProfile
from autoquality_server.config import parse
from autoquality_server.config.spec import setting

T = TypeVar("T", bound=type)

_EVERY = "Every format"

_IN_IMGPROXY = {
    *("jpeg_progressive", "jpeg_no_subsample", "jpeg_trellis_quant", "jpeg_overshoot_deringing"),
    *("jpeg_optimize_scans", "jpeg_quant_table"),
    *("webp_effort", "webp_preset", "webp_smart_subsample"),
    *("avif_speed", "jxl_effort"),
    *("png_interlaced", "png_quantize", "png_quantization_colors"),
}

_O = EncoderOptions()


def _with_format_options(struct: T) -> T:
    """Add a setting for each option of each format, named FORMAT_OPTION."""
    for fmt, options in OPTIONS.items():
        for option in options_of(options):
            name = f"{fmt.value}_{option.name}"
            aliases = (f"IMGPROXY_{name.upper()}",) if name in _IN_IMGPROXY else ()
            struct.__annotations__[name] = type(option.default)
            declared = setting(
                option.default,
                group=ENCODERS[fmt].name,
                parse=_parser(option),
                aliases=aliases,
                meaning=option.meaning,
            )
            setattr(struct, name, declared)
    return struct


def _parser(option: Option) -> Callable[[str], Any]:
    if isinstance(option.default, bool):
        return parse.boolean
    if isinstance(option.default, enum.Enum):
        return parse.choice(option.choices or tuple(type(option.default)))
    return parse.whole(option.low, option.high)


@dataclass(frozen=True)
@_with_format_options
class EncoderSettings:
    """Options by format, with imgproxy's names and defaults."""

    # fmt: off
    keep_copyright: bool = setting(
        _O.keep_copyright, group=_EVERY, parse=parse.boolean,
        aliases=("IMGPROXY_KEEP_COPYRIGHT",),
        meaning="Keep copyright and author where a request does not keep all metadata.")
    color_profile: ColorProfile = setting(
        _O.color_profile, group=_EVERY, parse=parse.color_profile,
        aliases=("IMGPROXY_STRIP_COLOR_PROFILE",),
        meaning="srgb converts colours to sRGB, keep keeps the source's profile; imgproxy's name "
        "takes true for srgb and false for keep.")
    keep_hidden_colors: bool = setting(
        _O.keep_hidden_colors, group=_EVERY, parse=parse.boolean,
        meaning="Keep the colours of wholly transparent pixels.")
    keep_smaller_source: bool = setting(
        _O.keep_smaller_source, group=_EVERY, parse=parse.boolean,
        meaning="Return the source itself if it shows the same image in the same format and is not "
        "larger than the encoding.")
    cap_at_source: bool = setting(
        _O.cap_at_source, group=_EVERY, parse=parse.boolean,
        meaning="Never encode a JPEG source at a higher quality than its own.")
    # fmt: on
