"""Structured logs on standard error, those of libraries included."""

from __future__ import annotations

import logging
import sys
from typing import Any

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from autoquality_server.config.choices import LogFormat, LogLevel


def configure_logging(level: LogLevel, form: LogFormat, **always: object) -> None:
    """Set up structlog and the standard library's logging, which gRPC uses, alike.

    Every line has the fields in `always`.
    """

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
        last += [_readable()]
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=last)
    )
    logging.basicConfig(handlers=[handler], level=level.name, force=True)


def _readable() -> structlog.dev.ConsoleRenderer:
    # The default traceback shows local variables: images, among them.
    plain = structlog.dev.plain_traceback
    return structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=plain)


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
