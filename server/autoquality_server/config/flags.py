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
DOCTOR = "doctor"
HEALTH = "health"

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


@dataclass(frozen=True, slots=True)
class DoctorLine:
    """What the doctor was asked for; `flags` are the server's."""

    flags: dict[str, str]
    json: bool


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise ConfigError(f"{message}; see {self.prog} --help")


def parse_command_line(arguments: Sequence[str], version: str) -> CommandLine:
    """Read the arguments; prints and exits for --help and --version, raises ConfigError."""
    parser = _parser(
        PROGRAM, "", "Serves AutoQuality: decides how hard an image may be compressed.", version
    )
    parser.epilog = (
        f"{_EPILOG} `{PROGRAM} doctor` tries a configuration without serving it, "
        f"`{PROGRAM} health` asks the server that runs with it whether it serves."
    )
    parser.add_argument(
        "--check-config", action="store_true", help="print the settings in effect and exit"
    )
    _add_settings(parser)
    given = vars(parser.parse_args(arguments))
    check_config = bool(given.pop("check_config"))
    return CommandLine(flags=given, check_config=check_config)


def parse_doctor(arguments: Sequence[str], version: str) -> DoctorLine:
    """Read what comes after the word "doctor"; as `parse_command_line`."""
    parser = _parser(
        f"{PROGRAM} {DOCTOR}",
        "[--json] ",
        "Tries a configuration without serving it: ports, machine, codecs, networks. "
        "Exits with 0 if it would serve, 1 if not, 2 if a setting is wrong.",
        version,
    )
    parser.epilog = _EPILOG
    parser.add_argument("--json", action="store_true", help="print JSON for programs")
    _add_settings(parser)
    given = vars(parser.parse_args(arguments))
    as_json = bool(given.pop("json"))
    return DoctorLine(flags=given, json=as_json)


def parse_health(arguments: Sequence[str], version: str) -> dict[str, str]:
    """Read what comes after the word "health", as `parse_command_line`; gives the flags."""
    parser = _parser(
        f"{PROGRAM} {HEALTH}",
        "",
        "Asks the server that runs here with these settings whether it serves. "
        "Exits with 0 if it does, 1 if not, 2 if a setting is wrong.",
        version,
    )
    parser.epilog = _EPILOG
    _add_settings(parser)
    return vars(parser.parse_args(arguments))


def _parser(program: str, before: str, description: str, version: str) -> _Parser:
    parser = _Parser(
        prog=program,
        usage=f"{program} {before}[--FLAG VALUE ...]",
        description=description,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"{PROGRAM} {version}")
    return parser


def _add_settings(parser: argparse.ArgumentParser) -> None:
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
