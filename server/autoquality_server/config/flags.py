"""The command line."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import NoReturn

from autoquality_server.config.load import Configuration
from autoquality_server.config.settings import SPECS
from autoquality_server.config.spec import ConfigError, Spec, render

PROGRAM = "autoquality-server"

_PLAIN = re.compile(r"[\w./:,=+\[\]-]*")
"""What an environment file needs no quotes for."""

_EPILOG = (
    "Every flag has an environment variable, named in brackets. A flag wins over its variable, "
    "an AUTOQUALITY_* variable over imgproxy's name for it, that over the default."
)


@dataclass(frozen=True, slots=True)
class CommandLine:
    """What was asked for; `flags` maps field names to the texts given."""

    flags: dict[str, str]
    check_config: bool


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise ConfigError(f"{message}; see {PROGRAM} --help")


def parse_command_line(arguments: Sequence[str], version: str) -> CommandLine:
    """Read the arguments; prints and exits for --help and --version, raises ConfigError."""
    parser = _Parser(
        prog=PROGRAM,
        usage=f"{PROGRAM} [--FLAG VALUE ...]",
        description="Serves AutoQuality: decides how hard an image may be compressed.",
        epilog=_EPILOG,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"{PROGRAM} {version}")
    parser.add_argument(
        "--check-config", action="store_true", help="print the settings in effect and exit"
    )
    for name, specs in groupby(SPECS, key=lambda spec: spec.group):
        group = parser.add_argument_group(name)
        for spec in specs:
            group.add_argument(
                spec.flag,
                dest=spec.field,
                metavar="true|false" if spec.is_switch else "VALUE",
                nargs="?" if spec.is_switch else None,
                const="true" if spec.is_switch else None,
                default=argparse.SUPPRESS,
                help=_help(spec),
            )
    given = vars(parser.parse_args(arguments))
    check_config = bool(given.pop("check_config"))
    return CommandLine(flags=given, check_config=check_config)


def describe(configuration: Configuration) -> str:
    """The settings in effect, as an environment file that would bring them about."""
    lines = []
    for spec in SPECS:
        value = render(getattr(configuration.settings, spec.field))
        if not _PLAIN.fullmatch(value):
            value = "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
        origin = configuration.origins.get(spec.field)
        lines.append(f"{spec.variable}={value}" + (f"  # {origin}" if origin else ""))
    return "\n".join(lines)


def _help(spec: Spec) -> str:
    aliases = "".join(f", {alias}" for alias in spec.aliases)
    default = f"; default {spec.default_text}" if spec.default_text else ""
    return f"{spec.meaning} [{spec.variable}{aliases}{default}]".replace("%", "%%")
