"""The options for the format of the result: one format, or several to choose from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from autoquality._accept import formats_accepted
from autoquality._cli.command import with_options
from autoquality._enums import JPG, Format, parse

_F = TypeVar("_F", bound=Callable[..., Any])

_KEEP = "keep"
_FORMATS = [*(str(format) for format in Format if format is not Format.UNKNOWN), JPG]


def _formats(
    _context: click.Context, _parameter: click.Parameter, value: str | None
) -> tuple[Format, ...]:
    """Parse formats separated by commas."""
    names = [name.strip() for name in (value or "").split(",") if name.strip()]
    try:
        return tuple(dict.fromkeys(parse(Format, name, "a format") for name in names))
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


def _accepted(
    _context: click.Context, _parameter: click.Parameter, value: str | None
) -> tuple[Format, ...]:
    """Parse an Accept header."""
    try:
        return () if value is None else formats_accepted(value)
    except ValueError as error:
        raise click.BadParameter(str(error).removeprefix("accept ")) from error


def format_options(default: str) -> Callable[[_F], _F]:
    """Add --format, --candidates and --accept. `default` is for the help of --format.

    `one_choice` and `format_named` convert their values.
    """
    return with_options(
        click.option(
            "-f",
            "--format",
            "format_name",
            type=click.Choice([*_FORMATS, _KEEP]),
            help=f"Output format.  [default: {default}]",
        ),
        click.option(
            "--candidates",
            callback=_formats,
            metavar="FORMATS",
            help="Formats to choose the smallest file from, such as avif,webp,jpeg. For size, "
            "the best one within the budget.",
        ),
        click.option(
            "--accept",
            callback=_accepted,
            metavar="HEADER",
            help="The same as an Accept header, such as 'image/avif,image/webp,*/*'.",
        ),
    )


def one_choice(
    format_name: str | None, candidates: tuple[Format, ...], accept: tuple[Format, ...]
) -> tuple[Format, ...]:
    """Return the candidates. Raises click.UsageError if the format is given in several ways."""
    given = {"--format": format_name, "--candidates": candidates, "--accept": accept}
    names = [name for name, value in given.items() if value]
    if len(names) > 1:
        raise click.UsageError(f"give only one of {' and '.join(names)}")
    return candidates or accept


def format_named(name: str | None) -> Format | None:
    """Return the format of --format. None keeps the format of each source."""
    return None if name in (None, _KEEP) else parse(Format, name, "format")
