"""`autoquality-server`: reads the configuration and serves, or tries it (`doctor`)."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

PROGRAM = "autoquality-server"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; 0 is a clean end, 1 a failure to start or drain, 2 a wrong setting."""
    try:
        return _run(sys.argv[1:] if arguments is None else list(arguments))
    except ImportError as error:
        missing = (error.name or "").partition(".")[0]
        if not missing or missing in ("autoquality", "autoquality_server"):
            raise
        return _fail(
            1, f"{missing} is missing: install the server with pip install 'autoquality[server]'"
        )


def _run(arguments: Sequence[str]) -> int:
    from autoquality_server.blas import limit_threads

    limit_threads()  # before the configuration brings NumPy
    from autoquality._version import __version__
    from autoquality_server.allocator import limit_arenas
    from autoquality_server.config import ConfigError, load
    from autoquality_server.config.flags import DOCTOR, HEALTH, describe, parse_command_line

    if arguments and arguments[0] in (DOCTOR, HEALTH):
        return _command(arguments[0] == DOCTOR, arguments[1:])
    try:
        command = parse_command_line(arguments, __version__)
        configuration = load(command.flags, os.environ)
    except ConfigError as error:
        return _fail(2, str(error))
    if command.check_config:
        for warning in configuration.warnings:
            sys.stderr.write(f"{PROGRAM}: warning: {warning}\n")
        sys.stdout.write(describe(configuration) + "\n")
        return 0

    limit_arenas()
    from autoquality_server.app import serve
    from autoquality_server.listening import StartError
    from autoquality_server.telemetry.logs import configure_logging, logger

    settings = configuration.settings
    configure_logging(settings.log_level, settings.log_format)
    for warning in configuration.warnings:
        logger(__name__).warning(warning)
    try:
        return serve(settings)
    except ConfigError as error:
        return _fail(2, str(error))
    except StartError as error:
        return _fail(1, str(error))


def _command(is_doctor: bool, arguments: Sequence[str]) -> int:
    if not is_doctor:
        from autoquality_server import asking

        return asking.run(arguments, os.environ)
    from autoquality_server.allocator import limit_arenas

    limit_arenas()
    from autoquality_server.doctor import command as doctor

    return doctor.run(arguments, os.environ)


def _fail(code: int, message: str) -> int:
    sys.stderr.write(f"{PROGRAM}: error: {message}\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
