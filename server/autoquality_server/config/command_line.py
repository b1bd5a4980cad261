"""The command line: flags for every setting, and the commands `doctor` and `health`."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import NoReturn

from autoquality._version import __version__
from autoquality_server.config.load import Configuration
from autoquality_server.config.settings import SPECS
from autoquality_server.config.spec import ConfigError, Spec, render

PROGRAM = "autoquality-server"
DOCTOR = "doctor"
HEALTH = "health"

_UNQUOTED = re.compile(r"[\w./:,=+\[\]-]*")
"""A value that an environment file can hold without quotes."""

_DESCRIPTIONS = {
    "": "Serves AutoQuality: encodes images at the lowest quality that still looks right.",
    DOCTOR: "Checks whether the server would start and serve with this configuration: ports, "
    "certificates, machine, codecs and networks. "
    "Exits with 0 if it would, 1 if not, 2 if a setting is wrong.",
    HEALTH: "Checks whether the server that runs here with these settings is serving. "
    "Exits with 0 if it is, 1 if not, 2 if a setting is wrong.",
}
_EPILOG = (
    "Each flag has an environment variable, shown in brackets. A flag wins over its AUTOQUALITY_* "
    "variable, which wins over imgproxy's variable, which wins over the default."
)
_COMMANDS = (
    f" `{PROGRAM} {DOCTOR}` checks a configuration without serving, `{PROGRAM} {HEALTH}` checks "
    "whether a server is serving."
)


@dataclass(frozen=True, slots=True)
class CommandLine:
    """The arguments; `flags` maps the fields of the settings to the texts given."""

    flags: dict[str, str]
    check_config: bool
    json: bool


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise ConfigError(f"{message}; see {self.prog} --help")


def parse_command_line(arguments: Sequence[str], command: str = "") -> CommandLine:
    """Read the arguments that follow `command`: DOCTOR, HEALTH, or none to serve.

    Prints and exits for --help and --version. Raises ConfigError.
    """
    program = f"{PROGRAM} {command}".rstrip()
    parser = _Parser(
        prog=program,
        usage=f"{program} {'[--json] ' if command == DOCTOR else ''}[--FLAG VALUE ...]",
        description=_DESCRIPTIONS[command],
        epilog=_EPILOG + ("" if command else _COMMANDS),
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"{PROGRAM} {__version__}")
    parser.set_defaults(check_config=False, json=False)
    if not command:
        parser.add_argument(
            "--check-config", action="store_true", help="print the effective settings and exit"
        )
    if command == DOCTOR:
        parser.add_argument("--json", action="store_true", help="print JSON")
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
    check_config, json = given.pop("check_config"), given.pop("json")
    return CommandLine(given, check_config, json)


def describe(configuration: Configuration) -> str:
    """Write the effective settings as an environment file."""
    lines = []
    for spec in SPECS:
        value = render(getattr(configuration.settings, spec.field))
        if not _UNQUOTED.fullmatch(value):
            value = "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
        origin = configuration.origins.get(spec.field)
        lines.append(f"{spec.variable}={value}" + (f"  # {origin}" if origin else ""))
    return "\n".join(lines)


def _help(spec: Spec) -> str:
    aliases = "".join(f", {alias}" for alias in spec.aliases)
    default = f"; default {spec.default_text}" if spec.default_text else ""
    return f"{spec.meaning} [{spec.variable}{aliases}{default}]".replace("%", "%%")
