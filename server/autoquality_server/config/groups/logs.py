"""What is told of requests: the log, and traces."""

from __future__ import annotations

from dataclasses import dataclass

from autoquality_server.config import parse
from autoquality_server.config.choices import LogFormat, LogLevel
from autoquality_server.config.spec import setting

_LOGS = "Logs and traces"


@dataclass(frozen=True)
class LogSettings:
    """The log, and whether there are traces."""

    # fmt: off
    log_level: LogLevel = setting(
        LogLevel.INFO, group=_LOGS, parse=parse.choice(LogLevel),
        meaning="The least that is logged: debug, info, warning or error.")
    log_format: LogFormat = setting(
        LogFormat.JSON, group=_LOGS, parse=parse.choice(LogFormat),
        meaning="json for machines, console for people.")
    tracing: bool = setting(
        False, group=_LOGS, parse=parse.boolean,
        meaning="Send OpenTelemetry traces, as the OTEL_* variables say (extra `[otel]`).")
    # fmt: on
