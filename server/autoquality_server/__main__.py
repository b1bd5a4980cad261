"""`autoquality-server`: reads the configuration and serves, or tries it (`doctor`)."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from autoquality_server.process.exits import CLEAN, FAILED, WRONG_SETTING

if TYPE_CHECKING:
    from autoquality_server.config import Configuration
    from autoquality_server.process.supervisor.worker_link import Membership

PROGRAM = "autoquality-server"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and give its exit status: see `exits`."""
    try:
        return _run(sys.argv[1:] if arguments is None else list(arguments))
    except ImportError as error:
        return _fail(FAILED, _missing(error))


def _missing(error: ImportError) -> str:
    """The sentence for a package that is not installed; raises `error` if it is one of ours."""
    missing = (error.name or "").partition(".")[0]
    if not missing or missing in ("autoquality", "autoquality_core", "autoquality_server"):
        raise error
    return f"{missing} is missing: install the server with pip install 'autoquality[server]'"


def _run(arguments: Sequence[str]) -> int:
    from autoquality_server.process.blas import limit_threads

    limit_threads()  # before the configuration brings NumPy
    os.environ.setdefault("VIPS_WARNING", "0")  # pyvips reads it on import; no warnings on stderr
    from autoquality._version import __version__
    from autoquality_core.runtime.allocator import limit_arenas
    from autoquality_server.config import ConfigError, load
    from autoquality_server.config.flags import DOCTOR, HEALTH, describe, parse_command_line
    from autoquality_server.process.supervisor.worker_link import Membership

    if arguments and arguments[0] in (DOCTOR, HEALTH):
        return _command(arguments[0] == DOCTOR, arguments[1:])
    membership = Membership.join(os.environ)
    fail = membership.fail if membership else _fail
    try:
        command = parse_command_line(arguments, __version__)
        configuration = load(command.flags, os.environ)
    except ConfigError as error:
        return fail(WRONG_SETTING, str(error))
    if command.check_config:
        for warning in configuration.warnings:
            sys.stderr.write(f"{PROGRAM}: warning: {warning}\n")
        sys.stdout.write(describe(configuration) + "\n")
        return CLEAN

    limit_arenas()
    return _serve(configuration, membership, fail)


def _serve(
    configuration: Configuration, membership: Membership | None, fail: Callable[[int, str], int]
) -> int:
    from autoquality_server.config import ConfigError
    from autoquality_server.config.listening import StartError
    from autoquality_server.telemetry.stray import structured_output

    settings = configuration.settings
    fields = {"process": membership.number} if membership else {}
    try:
        with structured_output(settings.log_level, settings.log_format, **fields):
            return _run_server(configuration, membership)
    except ConfigError as error:
        return fail(WRONG_SETTING, str(error))
    except StartError as error:
        return fail(FAILED, str(error))
    except ImportError as error:
        return fail(FAILED, _missing(error))


def _run_server(configuration: Configuration, membership: Membership | None) -> int:
    from autoquality_server.config import ConfigError
    from autoquality_server.config.listening import StartError
    from autoquality_server.telemetry.logs import logger

    log = logger(__name__)
    settings = configuration.settings
    try:
        if membership:
            from autoquality_server.process.serving import serve

            return serve(membership.resolve(settings), membership=membership)
        for warning in configuration.warnings:
            log.warning(warning)
        if settings.processes > 1:
            from autoquality_server.process.supervisor.supervisor import Supervisor

            return Supervisor(settings, [sys.executable, *sys.orig_argv[1:]]).run()
        from autoquality_server.process.serving import serve

        return serve(settings)
    except (ConfigError, StartError, ImportError):
        raise
    except Exception:
        log.critical("the server failed", exc_info=True)
        os._exit(FAILED)  # the interpreter would wait for threads, which may wait for ever


def _command(is_doctor: bool, arguments: Sequence[str]) -> int:
    if not is_doctor:
        from autoquality_server.cli import health

        return health.run(arguments, os.environ)
    from autoquality_core.runtime.allocator import limit_arenas

    limit_arenas()
    from autoquality_server.cli.doctor import command as doctor

    return doctor.run(arguments, os.environ)


def _fail(code: int, message: str) -> int:
    sys.stderr.write(f"{PROGRAM}: error: {message}\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
