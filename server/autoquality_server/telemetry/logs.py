"""Structured logs on standard error, including those of libraries."""

from __future__ import annotations

import logging
import sys
import traceback
from typing import Any, TextIO

import structlog
from structlog.typing import EventDict, ExcInfo, Processor, WrappedLogger

from autoquality_core.metrics import METRICS
from autoquality_core.pipeline.job import EncodeResult
from autoquality_core.runtime.context import active_context
from autoquality_server.config.groups.serving import LogFormat, LogLevel


def configure_logging(
    level: LogLevel, form: LogFormat, stream: TextIO | None = None, **always: object
) -> None:
    """Configure structlog, the standard library's logging, which gRPC uses, and warnings of Python.

    Lines go to `stream`, by default to standard error. Every line has the fields in `always`.
    """
    stream = stream or sys.stderr

    def add_always(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
        return {**always, **event}

    shared: list[Processor] = [
        _add_request_attributes,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _replace_bytes,
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
        console = structlog.dev.ConsoleRenderer(
            colors=stream.isatty(), exception_formatter=_write_traceback
        )
        last += [_escaped, console]
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.ExtraAdder(), *shared], processors=last
        )
    )
    logging.basicConfig(handlers=[handler], level=level.name, force=True)
    logging.captureWarnings(True)
    logging.getLogger("grpc._cython.cygrpc").addFilter(_is_not_about_metadata)


def _is_not_about_metadata(record: logging.LogRecord) -> bool:
    """Drop gRPC's line for metadata that is not UTF-8: it quotes the value, perhaps a token."""
    return not str(record.msg).startswith("Invalid encoding on ")


def _write_traceback(stream: TextIO, exc_info: ExcInfo) -> None:
    """Write an indented traceback without local variables, which may contain images.

    The text of an exception may quote a peer, and no line of it may look like a log line.
    """
    lines = "".join(traceback.format_exception(*exc_info)).splitlines()
    stream.write("".join(f"\n    {_printable(line)}" for line in lines))


def _escaped(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Escape characters that could forge a line or control a terminal; JSON does so already."""
    return {
        key: _printable(value) if isinstance(value, str) else value for key, value in event.items()
    }


def _printable(text: str) -> str:
    return "".join(one if one.isprintable() else ascii(one)[1:-1] for one in text)


def _add_request_attributes(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    context = active_context()
    return event if context is None else {**context.attributes, **event}


def _replace_bytes(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Replace every bytes value by its length: no image may appear in a log."""
    for key, value in event.items():
        if isinstance(value, bytes | bytearray | memoryview):
            event[key] = f"<{len(value)} bytes>"
    return event


def log_fields(**fields: object) -> None:
    """Add fields to the log lines of the active request."""
    context = active_context()
    if context is not None:
        context.attributes.update(fields)


def logger(name: str) -> Any:
    """A structlog logger, which follows the configuration even if it is made before that."""
    return structlog.stdlib.get_logger(name)


def result_fields(result: EncodeResult, source_bytes: int) -> dict[str, object]:
    """The fields that a result adds to the log line of its request."""
    return {
        "format": result.format.value,
        "method": result.applied.method.value,
        "quality": result.quality or None,
        "outcome": result.outcome.value,
        "iterations": len(result.probes),
        **{name: result.scores.get(name) for name in METRICS},
        "source_bytes": source_bytes,
        "encoded_bytes": len(result.image),
        "width": result.width,
        "height": result.height,
        "frames": result.frames,
    }
