"""`autoquality-server doctor`: checks whether the server would serve with this configuration.

Each check runs the code that the server runs at its start or for a request.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence

from autoquality_server.cli.doctor.report import Finding, Verdict, worst
from autoquality_server.config import ConfigError, Configuration, load
from autoquality_server.config.command_line import DOCTOR, parse_command_line


def run(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    """Check and report; returns 0 if the server would serve, 1 if not, 2 if a setting is wrong."""
    # Late, as in the server: these import libvips and numba.
    from autoquality_server.cli.doctor import access, codecs, machine, report
    from autoquality_server.cli.doctor.networks import NetworkChecks

    try:
        command = parse_command_line(arguments, DOCTOR)
        configuration = load(command.flags, environ)
    except ConfigError as error:
        wrong = [Finding("configuration", Verdict.WRONG, line) for line in error.lines]
        as_json = "--json" in arguments
        text = report.as_json(None, [], wrong) if as_json else report.findings_as_text(wrong)
        sys.stdout.write(text + "\n")
        return worst(wrong).exit_code
    settings = configuration.settings
    networks = NetworkChecks(settings)
    findings = [
        *_configuration(configuration),
        *access.check_addresses(settings),
        *access.check_access(settings),
        *machine.check_machine(settings, environ),
        codecs.check_metric(),
        *codecs.check_formats(settings),
        *networks.run(),
        *access.check_cache(settings),
    ]
    write = report.as_json if command.json else report.as_text
    sys.stdout.write(write(settings, report.formats(settings, networks.names), findings) + "\n")
    return worst(findings).exit_code


def _configuration(configuration: Configuration) -> Iterator[Finding]:
    given = ", ".join(sorted(set(configuration.origins.values()))) or "all defaults"
    yield Finding("configuration", Verdict.OK, given)
    for warning in configuration.warnings:
        yield Finding("configuration", Verdict.WARNING, warning)
    if configuration.unused:
        text = f"no effect here: {', '.join(configuration.unused)}"
        yield Finding("configuration", Verdict.OK, text)
