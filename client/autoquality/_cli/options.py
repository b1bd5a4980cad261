"""The options of `encode` that say what a file shall be like."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, TypeVar

import click

from autoquality._enums import ColorProfile, Method, WebpPreset
from autoquality._notation import parse_notation
from autoquality._options import (
    AutoQuality,
    AvifOptions,
    JpegOptions,
    PngOptions,
    WebpOptions,
)

_F = TypeVar("_F", bound=Callable[..., Any])
_Options = TypeVar("_Options", JpegOptions, WebpOptions, AvifOptions, PngOptions)

_QUALITY = click.IntRange(1, 100)


def _read_wish(
    _context: click.Context, _parameter: click.Parameter, value: str | None
) -> AutoQuality | None:
    """A method's name is the shortest notation."""
    try:
        return None if value is None else parse_notation(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


_OPTIONS = (
    click.option(
        "--method",
        "wish",
        callback=_read_wish,
        metavar="METHOD",
        help="none, size, dssim, ml, or all in imgproxy's notation: "
        "method:target:min:max:allowed_error, every part optional.",
    ),
    click.option("--target", type=float, help="Bytes for size; DSSIM, 0 to 1, for dssim and ml."),
    click.option("--min", "min_quality", type=_QUALITY, help="The lowest quality to use."),
    click.option("--max", "max_quality", type=_QUALITY, help="The highest quality to use."),
    click.option(
        "--allowed-error",
        type=click.FloatRange(0, 1),
        help="How far the DSSIM may be off the target.",
    ),
    click.option("--quality", type=_QUALITY, help="The quality itself; implies --method none."),
    click.option(
        "--background",
        default="",
        metavar="#RRGGBB",
        help="Shows through where a format has no alpha.  [default: white]",
    ),
    click.option("--keep-metadata", is_flag=True, help="Keep EXIF, XMP and IPTC."),
    click.option(
        "--keep-copyright/--strip-copyright",
        default=None,
        help="Keep copyright and author without the other metadata.",
    ),
    click.option(
        "--color-profile",
        type=click.Choice([profile.value for profile in ColorProfile]),
        help="Convert colours to sRGB, or keep the source's profile.",
    ),
    click.option(
        "--keep-hidden-colors/--replace-hidden-colors",
        default=None,
        help="Keep the colours of wholly transparent pixels.",
    ),
    click.option(
        "--measure", "measure_dssim", is_flag=True, help="Measure the DSSIM with every method."
    ),
    click.option(
        "--allow-truncated/--refuse-truncated",
        default=None,
        help="Encode what there is of a truncated or damaged JPEG or PNG.",
    ),
    click.option(
        "--jpeg-progressive/--no-jpeg-progressive",
        default=None,
        help="Progressive instead of baseline.",
    ),
    click.option(
        "--jpeg-no-subsample/--jpeg-subsample",
        default=None,
        help="Keep chroma at full resolution, or halve it below quality 90.",
    ),
    click.option(
        "--jpeg-trellis-quant/--no-jpeg-trellis-quant", default=None, help="Smaller for more time."
    ),
    click.option(
        "--jpeg-overshoot-deringing/--no-jpeg-overshoot-deringing",
        default=None,
        help="Less ringing at hard edges.",
    ),
    click.option(
        "--jpeg-optimize-scans/--no-jpeg-optimize-scans",
        default=None,
        help="Smaller; needs --jpeg-progressive.",
    ),
    click.option("--jpeg-quant-table", type=click.IntRange(0, 8), help="3 is mozjpeg's default."),
    click.option("--webp-effort", type=click.IntRange(0, 6), help="0 is fast, 6 small."),
    click.option(
        "--webp-preset",
        type=click.Choice([preset.value for preset in WebpPreset]),
        help="The kind of picture.",
    ),
    click.option(
        "--webp-smart-subsample/--no-webp-smart-subsample",
        default=None,
        help="Slower, sharper colour edges.",
    ),
    click.option(
        "--webp-alpha-quality",
        type=click.IntRange(0, 100),
        help="Of the alpha channel; 100 is lossless.",
    ),
    click.option("--avif-speed", type=click.IntRange(0, 9), help="0 is small, 9 fast."),
    click.option("--avif-no-subsample/--avif-subsample", default=None, help="As for JPEG."),
    click.option("--png-compression", type=click.IntRange(0, 9), help="0 is fast, 9 small."),
    click.option("--png-interlaced/--no-png-interlaced", default=None, help="Adam7."),
    click.option(
        "--png-quantize/--no-png-quantize", default=None, help="Reduce to a palette (lossy)."
    ),
    click.option(
        "--png-quantization-colors", type=click.IntRange(2, 256), help="Size of the palette."
    ),
)


def encode_options(command: _F) -> _F:
    """Give `command` these options; `encode_arguments` takes what they hold."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def encode_arguments(given: dict[str, Any]) -> dict[str, Any]:
    """The arguments of `Client.encode` for the options `given`."""
    return {
        "auto_quality": _wish(given),
        "quality": given["quality"],
        "jpeg": _collect(JpegOptions, "jpeg", given),
        "webp": _collect(WebpOptions, "webp", given),
        "avif": _collect(AvifOptions, "avif", given),
        "png": _collect(PngOptions, "png", given),
        "background": given["background"],
        "keep_metadata": given["keep_metadata"],
        "keep_copyright": given["keep_copyright"],
        "color_profile": given["color_profile"],
        "keep_hidden_colors": given["keep_hidden_colors"],
        "measure_dssim": given["measure_dssim"],
        "allow_truncated": given["allow_truncated"],
    }


def _wish(given: dict[str, Any]) -> AutoQuality | None:
    """The notation, with the single options going before its parts."""
    wish: AutoQuality = given["wish"] or AutoQuality()
    names = ("target", "min_quality", "max_quality", "allowed_error")
    wish = dataclasses.replace(
        wish, **{name: given[name] for name in names if given[name] is not None}
    )
    if given["quality"] is not None and wish.method is None:
        wish = dataclasses.replace(wish, method=Method.NONE)
    return None if wish == AutoQuality() else wish


def _collect(kind: type[_Options], prefix: str, given: dict[str, Any]) -> _Options | None:
    """The options of one format, None if none was given."""
    values = {field.name: given[f"{prefix}_{field.name}"] for field in dataclasses.fields(kind)}
    return None if all(value is None for value in values.values()) else kind(**values)
