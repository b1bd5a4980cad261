"""What settings of logs can be set to."""

from __future__ import annotations

import enum


class LogLevel(enum.Enum):
    """The least that is logged."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class LogFormat(enum.Enum):
    """How a line of the log is written."""

    JSON = "json"
    CONSOLE = "console"
