"""The options of `encode` that describe the result."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import click

from autoquality._cli.command import with_options
from autoquality._cli.numbers import Number, WholeNumber
from autoquality._enums import ColorProfile, Method, Metric
from autoquality._messages import fields_of
from autoquality._notation import auto_quality, parse_notation, with_method
from autoquality._options import FORMAT_OPTIONS, SPEC_FIELDS, AutoQuality, EncodeOptions, Option
from autoquality_core.types import WORDS

_QUALITY = WholeNumber(1, 100)
_METRICS = tuple(metric for metric in Metric if metric is not Metric.UNKNOWN)


def _parse_method(
    _context: click.Context, _parameter: click.Parameter, value: str | None
) -> AutoQuality:
    """Parse imgproxy's notation. The name of a method alone is valid notation."""
    try:
        return parse_notation(value or "")
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


def _parse_part(
    _context: click.Context, parameter: click.Parameter, value: str | None
) -> str | None:
    """Check a number or a word. The range of a target depends on other options."""
    part: Any = {parameter.name: value}
    try:
        auto_quality(**part)
    except ValueError as error:
        raise click.BadParameter(str(error).removeprefix(f"{parameter.name} ")) from error
    return value


_GENERAL = (
    click.option(
        "--method",
        "spec",
        callback=_parse_method,
        metavar="METHOD",
        help="none, size, dssim, ml, ssimulacra2, or imgproxy's notation "
        "method:target:min:max:allowed_error:metric, where every part is optional.",
    ),
    click.option(
        "--target",
        callback=_parse_part,
        metavar="NUMBER|SIZE|WORD",
        help="Bytes for size, such as 20kB (1000) or 20KiB (1024); kB or MB imply --method size. "
        "DSSIM, from 0 to 1, for dssim and ml. For ssimulacra2 a score from 0 to 100, or a word, "
        f"which implies this method: {', '.join(WORDS)}. A number from 0 to 1 "
        "implies dssim, and any other needs --method.",
    ),
    click.option(
        "--metric",
        type=click.Choice([metric.value for metric in _METRICS]),
        help="Metric of the target with ml.  [default: dssim]",
    ),
    click.option(
        "--min",
        "min_quality",
        type=_QUALITY,
        help="Lowest quality to use.  [default: the server's, normally 70, for ssimulacra2 10]",
    ),
    click.option(
        "--max",
        "max_quality",
        type=_QUALITY,
        help="Highest quality to use.  [default: the server's, normally 80, for ssimulacra2 95]",
    ),
    click.option(
        "--allowed-error",
        type=Number(0),
        help="Allowed difference between the score and its target. For size, the share of the "
        "target that may stay unused.",
    ),
    click.option(
        "--max-bytes",
        callback=_parse_part,
        metavar="SIZE",
        help="Largest file, such as 100kB, together with the target.",
    ),
    click.option(
        "--max-dssim",
        type=Number(0, 1),
        help="Largest DSSIM, together with the target.",
    ),
    click.option(
        "--min-ssimulacra2",
        callback=_parse_part,
        metavar="NUMBER|WORD",
        help="Least SSIMULACRA2, together with the target.",
    ),
    click.option("-q", "--quality", type=_QUALITY, help="Fixed quality. Implies --method none."),
    click.option(
        "--background",
        default="",
        metavar="#RRGGBB",
        help="Replaces transparency in formats without alpha.  [default: white]",
    ),
    click.option("--keep-metadata", is_flag=True, help="Keep EXIF, XMP and IPTC."),
    click.option(
        "--keep-copyright/--strip-copyright",
        default=None,
        help="Keep the copyright and the author, even without the other metadata.",
    ),
    click.option(
        "--color-profile",
        type=click.Choice([profile.value for profile in ColorProfile]),
        help="Convert the colours to sRGB, or keep the source's profile.",
    ),
    click.option(
        "--keep-hidden-colors/--replace-hidden-colors",
        default=None,
        help="Keep the colours of fully transparent pixels.",
    ),
    click.option("--measure", is_flag=True, help="Measure every metric with every method."),
    click.option(
        "--allow-truncated/--refuse-truncated",
        default=None,
        help="Encode the readable part of a truncated or damaged JPEG or PNG.",
    ),
    click.option(
        "--keep-smaller-source/--always-encode",
        default=None,
        help="Return the source itself if it is not larger and shows the same image.",
    ),
    click.option(
        "--cap-at-source/--exceed-source",
        default=None,
        help="Never encode a JPEG at a higher quality than its own.",
    ),
    click.option(
        "--may-shrink",
        is_flag=True,
        help="Reduce the image in pixels if no quality fits the size.",
    ),
    click.option(
        "--min-width",
        type=WholeNumber(1, 2**31 - 1),
        metavar="PIXELS",
        help="Least width with --may-shrink.",
    ),
)


def _format_options() -> Iterator[Callable[[Any], Any]]:
    """Yield `--webp-effort` and so on: an option for each field of each format's options."""
    for prefix, kind in FORMAT_OPTIONS.items():
        for field in dataclasses.fields(kind):
            option: Option = field.metadata["option"]
            name = f"--{prefix}-{field.name.replace('_', '-')}"
            if option.bounds is not None:
                yield click.option(name, type=WholeNumber(*option.bounds), help=option.help)
            elif option.choices is not None:
                choices = click.Choice([choice.value for choice in option.choices])
                yield click.option(name, type=choices, help=option.help)
            else:
                yield click.option(f"{name}/{_negated(name)}", default=None, help=option.help)


def _negated(name: str) -> str:
    """Return --jpeg-subsample for --jpeg-no-subsample, and --no-png-quantize for --png-quantize."""
    positive = name.replace("-no-", "-")
    return f"--no-{name.removeprefix('--')}" if positive == name else positive


encode_options = with_options(*_GENERAL, *_format_options())
"""Adds the options to a command. `encode_arguments` converts their values."""


def encode_arguments(values: dict[str, Any]) -> dict[str, Any]:
    """Convert the values of the options to arguments of `Client.encode`, and remove them.

    Raises click.UsageError for options that contradict each other.
    """
    spec: AutoQuality = values.pop("spec")
    parts = {name: values.pop(name) for name in SPEC_FIELDS if name != "method"}
    known = EncodeOptions.__annotations__
    arguments = {name: values.pop(name) for name in tuple(values) if name in known}
    if arguments["min_width"] and not arguments["may_shrink"]:
        raise click.UsageError("--min-width needs --may-shrink")
    arguments["auto_quality"] = _merge(spec, parts, arguments["quality"])
    arguments["measure_dssim"] = arguments["measure"]  # all that an older server understands
    arguments["measure"] = _METRICS if arguments["measure"] else ()
    for prefix, kind in FORMAT_OPTIONS.items():
        names = [field.name for field in dataclasses.fields(kind)]
        options = kind(**{name: values.pop(f"{prefix}_{name}") for name in names})
        arguments[prefix] = None if options == kind() else options
    return arguments


def _merge(spec: AutoQuality, parts: dict[str, Any], quality: int | None) -> AutoQuality | None:
    """Return the spec in imgproxy's notation, with its parts replaced by their own options."""
    given = {name: value for name, value in parts.items() if value is not None}
    try:
        spec = auto_quality(**{**fields_of(spec), **given})
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    if "target" in given:
        spec = with_method(spec)
        if spec.method is None and spec.metric is None:
            # A server without a method would ignore it.
            raise click.UsageError(
                f"--target {given['target']} needs a method: --method ssimulacra2 for a score, "
                f"size for bytes, or :{given['target']} for the server's method"
            )
    # The server would refuse every image of a folder.
    if quality is not None and spec.method not in (None, Method.NONE):
        raise click.UsageError(
            f"--quality is a fixed quality, which contradicts a search by {spec.method}: use --min "
            "and --max to limit the search"
        )
    if (spec.min_quality or 1) > (spec.max_quality or 100):
        raise click.UsageError(f"--min {spec.min_quality} is above --max {spec.max_quality}")
    if quality is not None and spec.method is None:
        spec = dataclasses.replace(spec, method=Method.NONE)
    return None if spec == AutoQuality() else spec
