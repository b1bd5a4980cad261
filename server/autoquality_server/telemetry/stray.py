"""Output that bypasses the log, as structured lines.

Native libraries write to standard error by themselves, and quote what peers send: gRPC prints
the debug text of a GOAWAY frame as it is. So standard output and standard error of a server are
a pipe. A process of its own reads that pipe and logs each line, escaped, in the field `text`.

The reader is a process, not a thread, for two reasons. It outlives a crash, so the last words of
a process that crashes are logged. And it never waits for the interpreter's lock, which a library
may hold while it writes to a full pipe.
"""

from __future__ import annotations

import contextlib
import faulthandler
import logging
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn, TextIO

from autoquality_server.config.groups.serving import LogFormat, LogLevel
from autoquality_server.telemetry.logs import configure_logging, logger

EVENT = "output outside of the log"
READER = "stray-output"
"""The reader's name in /proc/PID/comm."""

_OUTPUTS = (1, 2)
_LONGEST_LINE = 4096
_IGNORED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)

_kept: dict[int, int] = {}

_log = logger(__name__)


def real_output(descriptor: int) -> int:
    """Where standard output (1) or standard error (2) led before `structured_output`."""
    return _kept.get(descriptor, descriptor)


@contextmanager
def structured_output(level: LogLevel, form: LogFormat, **always: object) -> Iterator[None]:
    """Configure the log (see `configure_logging`), and log what is written around it.

    Call it before there are threads: it forks. The outputs stay as they are until the process
    ends, unless the body raises.
    """
    _kept.update({one: os.dup(one) for one in _OUTPUTS})
    log = os.fdopen(_kept[2], "w", buffering=1, errors="backslashreplace", closefd=False)
    configure_logging(level, form, log, **always)
    source, sink = os.pipe()
    for one in _OUTPUTS:
        os.dup2(sink, one)
    os.close(sink)
    reader = os.fork()
    if reader == 0:
        _read(source, log)
    os.close(source)
    # The end of the first process of a container ends the reader as well, perhaps before it
    # has read a traceback. This traceback quotes nobody.
    faulthandler.enable(_kept[2] if os.getpid() == 1 else 2)
    try:
        yield
    except Exception:
        # The caller reports it where the command was run.
        for one in _OUTPUTS:
            os.dup2(_kept[one], one)
        os.waitpid(reader, 0)
        raise


def _read(source: int, log: TextIO) -> NoReturn:
    """Log each line from `source` until its last writer is gone; then exit."""
    try:
        with contextlib.suppress(OSError):
            Path("/proc/self/comm").write_text(READER)
        for number in _IGNORED:
            signal.signal(number, signal.SIG_IGN)
        keep = sorted({source, log.fileno()})
        for before, after in zip([-1, *keep], [*keep, os.sysconf("SC_OPEN_MAX")], strict=True):
            os.closerange(before + 1, after)
        logging.getLogger().setLevel(logging.DEBUG)
        with os.fdopen(source, "rb") as lines:
            while line := lines.readline(_LONGEST_LINE):
                text = line.decode("utf-8", "backslashreplace").rstrip()
                if text:
                    _log.warning(EVENT, text=text)
    finally:
        os._exit(0)
