"""Captures output that bypasses the log, and logs it.

Native libraries write to standard error directly, and may quote a peer: gRPC prints the debug
text of a GOAWAY frame unescaped. So standard output and standard error of a server are a pipe. A
separate process reads that pipe and logs each line, escaped, in the field `text`.

The reader is a process, not a thread. It outlives a crash, so it logs the last output of a process
that crashes. And it never waits for the interpreter's lock, which a library may hold while it
writes to a full pipe.

The end of the first process of a container ends all others. So there the first process reads, and
the server is its child.
"""

from __future__ import annotations

import contextlib
import faulthandler
import logging
import os
import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from autoquality_server.config.groups.serving import LogFormat, LogLevel
from autoquality_server.telemetry.logs import configure_logging, logger

EVENT = "output outside of the log"
READER = "stray-output"
"""The reader's name in /proc/PID/comm."""

_REMARKS = re.compile(
    "Corrupt JPEG data: |Premature end of JPEG file|Unknown Adobe color transform code "
    "|Invalid SOS parameters |Warning: unknown JFIF revision number "
)
"""What libjpeg writes about sources that it decodes as viewers do. It is not logged."""

_OUTPUTS = (1, 2)
_LONGEST_LINE = 4096
_STOP = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)

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
    reader = None
    if _is_first():
        _read_in_parent(source, log)
    else:
        reader = _read_in_child(source, log)
    os.close(source)
    faulthandler.enable(2)
    try:
        yield
    except Exception:
        # The caller reports the error on the terminal.
        for one in _OUTPUTS:
            os.dup2(_originals[one], one)
        if reader:
            os.waitpid(reader, 0)
        raise


def _is_first() -> bool:
    """Whether this is the first process of a container."""
    return os.getpid() == 1


def _read_in_child(source: int, log: TextIO) -> int:
    """Fork a reader, and return its process."""
    reader = os.fork()
    if reader:
        return reader
    try:
        for number in _STOP:
            signal.signal(number, signal.SIG_IGN)
        _read(source, log)
    finally:
        os._exit(0)


def _read_in_parent(source: int, log: TextIO) -> None:
    """Fork a server, and return in it; the parent reads until the server ends, and ends alike."""
    # A signal has to wait until it can be forwarded.
    signal.pthread_sigmask(signal.SIG_BLOCK, _STOP)
    server = os.fork()
    if server == 0:
        os.setpgid(0, 0)  # Ctrl-C goes to the parent alone, which forwards it
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOP)
        return
    try:
        for number in _STOP:
            signal.signal(number, lambda number, _: os.kill(server, number))
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOP)
        _read(source, log)
    finally:
        status = os.waitstatus_to_exitcode(os.waitpid(server, 0)[1])
        os._exit(status if status >= 0 else 128 - status)


def _read(source: int, log: TextIO) -> None:
    """Log each line from `source` until the last writer has closed it."""
    with contextlib.suppress(OSError):
        Path("/proc/self/comm").write_text(READER)
    keep = sorted({source, log.fileno()})
    for before, after in zip([-1, *keep], [*keep, os.sysconf("SC_OPEN_MAX")], strict=True):
        os.closerange(before + 1, after)
    logging.getLogger().setLevel(logging.DEBUG)
    with os.fdopen(source, "rb") as lines:
        while line := lines.readline(_LONGEST_LINE):
            text = line.decode("utf-8", "backslashreplace").rstrip()
            if text and not _REMARKS.match(text):
                _log.warning(EVENT, text=text)
