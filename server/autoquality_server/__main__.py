"""`autoquality-server`: serves, or runs one of the commands `doctor` and `health`."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from autoquality_server.process import (
    CLEAN,
    FAILED,
    WRONG_SETTING,
    leave_out_imports,
    limit_blas_threads,
    open_standard_streams,
)

if TYPE_CHECKING:
    from autoquality_server.config import Configuration
    from autoquality_server.process.supervisor.link import SupervisorLink

PROGRAM = "autoquality-server"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status: see `process`."""
    open_standard_streams()
    given = sys.argv[1:] if arguments is None else list(arguments)
    try:
        return _run(given)
    except ImportError as error:
        return _fail(FAILED, _missing(error), given)


def _run(arguments: Sequence[str]) -> int:
    limit_blas_threads()  # before the configuration imports NumPy
    os.environ.setdefault("VIPS_WARNING", "0")  # read when pyvips is imported
    from autoquality_server.config.command_line import DOCTOR, HEALTH

    if arguments[:1] == [DOCTOR]:
        from autoquality_core.runtime.allocator import limit_arenas

        limit_arenas()
        from autoquality_server.cli import doctor

        return doctor.run(arguments[1:], os.environ)
    if arguments[:1] == [HEALTH]:
        from autoquality_server.cli import health

        return health.run(arguments[1:], os.environ)
    return _configure_and_serve(arguments)


def _configure_and_serve(arguments: Sequence[str]) -> int:
    from autoquality_core.runtime.allocator import limit_arenas
    from autoquality_server.config import ConfigError, load
    from autoquality_server.config.address import StartError
    from autoquality_server.config.command_line import describe, parse_command_line
    from autoquality_server.process.supervisor.link import SupervisorLink

    link = SupervisorLink.open(os.environ)
    fail = link.fail if link else partial(_fail, arguments=arguments)
    try:
        command = parse_command_line(arguments)
        configuration = load(command.flags, os.environ)
        if command.check_config:
            for warning in configuration.warnings:
                sys.stderr.write(f"{PROGRAM}: warning: {warning}\n")
            for unused in configuration.unused:
                sys.stderr.write(f"{PROGRAM}: no effect: {unused}\n")
            sys.stdout.write(describe(configuration) + "\n")
            return CLEAN
        limit_arenas()
        return _serve(configuration, link)
    except ConfigError as error:
        return fail(WRONG_SETTING, str(error))
    except StartError as error:
        return fail(FAILED, str(error))
    except ImportError as error:
        return fail(FAILED, _missing(error))


def _serve(configuration: Configuration, link: SupervisorLink | None) -> int:
    leave_out_imports()
    from autoquality._version import __version__
    from autoquality_server.config import ConfigError
    from autoquality_server.config.address import StartError
    from autoquality_server.telemetry.captured_output import capture_output
    from autoquality_server.telemetry.logs import logger

    log = logger(__name__)
    settings = configuration.settings
    fields = {"process": link.number} if link else {}
    with capture_output(settings.log_level, settings.log_format, **fields):
        try:
            if link is None:
                for warning in configuration.warnings:
                    log.warning(warning)
                if configuration.unused:
                    log.info("variables without effect", variables=configuration.unused)
                if settings.processes > 1:
                    from autoquality_server.process.supervisor.supervisor import Supervisor

                    return Supervisor(settings, [sys.executable, *sys.orig_argv[1:]]).run()
                log.info("starting", version=__version__, listen=settings.listen)
            from autoquality_server.process.serving import serve

            serve(settings, link=link)
        except (ConfigError, StartError, ImportError):
            raise
        except Exception:
            log.critical("the server failed", exc_info=True)
            os._exit(FAILED)  # the interpreter would wait for threads, perhaps for ever


def _missing(error: ImportError) -> str:
    """Name the package that is not installed; raises `error` if it is one of ours."""
    missing = (error.name or "").partition(".")[0]
    if not missing or missing in ("autoquality", "autoquality_core", "autoquality_server"):
        raise error
    return f"{missing} is missing: install the server with pip install 'autoquality[server]'"


def _fail(code: int, message: str, arguments: Sequence[str]) -> int:
    """Report why the server does not start, and return `code`.

    People get plain lines: on a terminal, from a log in their format, and from --check-config. All
    others get lines of the log.
    """
    plain = sys.stderr.isatty() or "--check-config" in arguments or _log_is_for_people(arguments)
    for line in message.split("\n"):
        if plain:
            sys.stderr.write(f"{PROGRAM}: error: {line}\n")
        else:
            moment = datetime.now(UTC).isoformat().replace("+00:00", "Z")
            fields = {"error": line, "exit_code": code, "event": "the server does not start"}
            record = {**fields, "level": "critical", "timestamp": moment}
            sys.stderr.write(json.dumps(record) + "\n")
    return code


def _log_is_for_people(arguments: Sequence[str]) -> bool:
    """Whether the log has the console format; the arguments may be wrong."""
    try:
        from autoquality_server.config import ConfigError
        from autoquality_server.config.command_line import parse_command_line
        from autoquality_server.config.groups.serving import LogFormat
        from autoquality_server.config.load import log_format
    except ImportError:
        return False
    try:
        flags = parse_command_line(arguments).flags
    except ConfigError:
        flags = {}
    return log_format(flags, os.environ) is LogFormat.CONSOLE


if __name__ == "__main__":
    sys.exit(main())
