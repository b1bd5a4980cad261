"""`autoquality-server doctor`: the command."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence

from autoquality._version import __version__
from autoquality_server.cli.doctor.finding import Finding, Verdict, worst
from autoquality_server.cli.doctor.report import as_json, as_text
from autoquality_server.config import ConfigError, Configuration, Settings, load
from autoquality_server.config.flags import parse_doctor


def run(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    """Look at everything and print it; 0 it would serve, 1 it would not, 2 a setting is wrong.

    `arguments` come after the word "doctor".
    """
    try:
        command = parse_doctor(arguments, __version__)
        configuration = load(command.flags, environ)
    except ConfigError as error:
        wrong = [Finding("configuration", Verdict.WRONG, str(error))]
        tell = as_json if "--json" in arguments else as_text
        sys.stdout.write(tell(None, [], wrong) + "\n")
        return worst(wrong).exit_code
    from autoquality_server.cli.doctor.networks import Networks
    from autoquality_server.cli.doctor.offer import offers

    settings = configuration.settings
    networks = Networks(settings)
    findings = [*_configuration(configuration), *_parts(settings, environ), *networks.look()]
    tell = as_json if command.json else as_text
    sys.stdout.write(tell(settings, offers(settings, networks.names), findings) + "\n")
    return worst(findings).exit_code


def _configuration(configuration: Configuration) -> Iterator[Finding]:
    given = ", ".join(sorted(set(configuration.origins.values()))) or "all defaults"
    yield Finding("configuration", Verdict.OK, given)
    for warning in configuration.warnings:
        yield Finding("configuration", Verdict.WARNING, warning)


def _parts(settings: Settings, environ: Mapping[str, str]) -> Iterator[Finding]:
    # Late, as in the server: these bring libvips and numba.
    from autoquality_server.cli.doctor import access, codecs, kernel, machine, ports

    yield from ports.look(settings)
    yield from access.look(settings)
    yield from machine.look(settings, environ)
    yield kernel.look()
    yield from codecs.look(settings)
