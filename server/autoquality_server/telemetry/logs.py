"""Structured logs on standard error, those of libraries included."""

from __future__ import annotations

import logging
import sys
import traceback
from typing import Any, TextIO

import structlog
from structlog.typing import EventDict, ExcInfo, Processor, WrappedLogger

from autoquality_server.config.groups.serving import LogFormat, LogLevel


def configure_logging(
    level: LogLevel, form: LogFormat, stream: TextIO | None = None, **always: object
) -> None:
    """Set up structlog and the standard library's logging, which gRPC uses, alike.

    Lines go to `stream`, standard error by default. Every line has the fields in `always`.
    """
    stream = stream or sys.stderr

    def add_always(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
        return {**always, **event}

    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        lengths_for_bytes,
        add_always,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    last: list[Processor] = [structlog.stdlib.ProcessorFormatter.remove_processors_meta]
    if form is LogFormat.JSON:
        last += [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    else:
        last += [_escaped, _readable(stream)]
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=last)
    )
    logging.basicConfig(handlers=[handler], level=level.name, force=True)


def _readable(stream: TextIO) -> structlog.dev.ConsoleRenderer:
    return structlog.dev.ConsoleRenderer(
        colors=stream.isatty(), exception_formatter=_write_traceback
    )


def _write_traceback(stream: TextIO, exc_info: ExcInfo) -> None:
    """Write a traceback without local variables, images among them, and indented.

    The text of an exception may quote a peer: no line of it may look like a line of the log.
    """
    lines = "".join(traceback.format_exception(*exc_info)).splitlines()
    stream.write("".join(f"\n    {_printable(line)}" for line in lines))


def _escaped(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Escape what could forge a line or command a terminal; JSON does that by itself."""
    return {
        key: _printable(value) if isinstance(value, str) else value for key, value in event.items()
    }


def _printable(text: str) -> str:
    return "".join(one if one.isprintable() else ascii(one)[1:-1] for one in text)


def log_fields(**fields: object) -> None:
    """Add fields to the one line that the current request writes when it ends."""
    structlog.contextvars.bind_contextvars(**fields)


def lengths_for_bytes(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Replace every bytes value by its length: no image may end up in a log."""
    for key, value in event.items():
        if isinstance(value, bytes | bytearray | memoryview):
            event[key] = f"<{len(value)} bytes>"
    return event


def logger(name: str) -> Any:
    """A structlog logger that follows the configuration whenever it is made."""
    return structlog.stdlib.get_logger(name)
