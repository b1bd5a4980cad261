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
            group, parser = ENCODERS[fmt].name, _parser(option)
            declared = setting(
                option.default, option.meaning, group=group, parse=parser, aliases=aliases
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
        _O.keep_copyright, "Keep copyright and author where a request does not keep all metadata.",
        group=_EVERY, aliases=("IMGPROXY_KEEP_COPYRIGHT",))
    color_profile: ColorProfile = setting(
        _O.color_profile,
        "srgb converts colours to sRGB, keep keeps the source's profile; imgproxy's name takes "
        "true for srgb and false for keep.",
        group=_EVERY, parse=parse.color_profile, aliases=("IMGPROXY_STRIP_COLOR_PROFILE",))
    keep_hidden_colors: bool = setting(
        _O.keep_hidden_colors, "Keep the colours of wholly transparent pixels.", group=_EVERY)
    keep_smaller_source: bool = setting(
        _O.keep_smaller_source,
        "Return the source itself if it shows the same image in the same format and is not "
        "larger than the encoding.",
        group=_EVERY)
    cap_at_source: bool = setting(
        _O.cap_at_source, "Never encode a JPEG source at a higher quality than its own.",
        group=_EVERY)
    # fmt: on
