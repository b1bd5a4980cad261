"""Captures output that bypasses the log, and logs it.

Native libraries write to standard error directly, and may quote a peer: gRPC prints the debug
text of a GOAWAY frame unescaped. So standard output and standard error of a server are a pipe. A
separate process reads that pipe and logs each line, escaped, in the field `text`.

The reader is a process, not a thread. It outlives a crash, so it logs the last output of a process
that crashes. And it never waits for the interpreter's lock, which a library may hold while it
writes to a full pipe.
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

_originals: dict[int, int] = {}

_log = logger(__name__)


def original_output(descriptor: int) -> int:
    """The descriptor of standard output (1) or error (2) as it was before `capture_output`."""
    return _originals.get(descriptor, descriptor)


@contextmanager
def capture_output(level: LogLevel, form: LogFormat, **always: object) -> Iterator[None]:
    """Configure the log (see `configure_logging`), and log all other output.

    Call it before any thread starts: it forks. The output stays captured until the process ends,
    unless the body raises.
    """
    _originals.update({one: os.dup(one) for one in _OUTPUTS})
    log = os.fdopen(_originals[2], "w", buffering=1, errors="backslashreplace", closefd=False)
    configure_logging(level, form, log, **always)
    source, sink = os.pipe()
    for one in _OUTPUTS:
        os.dup2(sink, one)
    os.close(sink)
    reader = os.fork()
    if reader == 0:
        _read(source, log)
    os.close(source)
    # The end of the first process of a container also ends the reader, perhaps before it has
    # read a traceback. Tracebacks of faulthandler quote no peer.
    faulthandler.enable(_originals[2] if os.getpid() == 1 else 2)
    try:
        yield
    except Exception:
        # The caller reports the error on the terminal.
        for one in _OUTPUTS:
            os.dup2(_originals[one], one)
        os.waitpid(reader, 0)
        raise


def _read(source: int, log: TextIO) -> NoReturn:
    """Log each line from `source` until the last writer has closed it; then exit."""
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
