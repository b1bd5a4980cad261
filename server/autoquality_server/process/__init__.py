"""A server process from its start to its exit status, and the supervisor of several.

This module imports nothing of the project, so that the first lines of a program may import it.
"""

from __future__ import annotations

import io
import os
import signal
import sys

CLEAN = 0
FAILED = 1
"""The server could not start, or its drain cut requests off."""
WRONG_SETTING = 2
HUNG = 3
"""A request ran on long after its caller had left: see `rpc.watchdog`."""
BROKEN = 4
"""A thread ended with an exception, for example out of memory: see `fatal`."""


def stop_signals() -> tuple[signal.Signals, ...]:
    """Return the signals that drain a server: SIGHUP, too, unless it is ignored as by nohup."""
    others = (signal.SIGTERM, signal.SIGINT)
    ignored = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    return others if ignored else (*others, signal.SIGHUP)


def open_standard_streams() -> None:
    """Open the null device in place of each standard stream that is closed.

    Otherwise a socket or a file would get its number, and the output of libraries would go there.
    Call it before anything opens a file.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest number that is free: this one
    # Python has no object for a stream that is closed.
    sys.stdout = sys.stdout or os.fdopen(1, "w", closefd=False)
    sys.stderr = sys.stderr or os.fdopen(2, "w", closefd=False)
    if isinstance(sys.stdout, io.TextIOWrapper):  # the name of a file need not be UTF-8
        sys.stdout.reconfigure(errors="surrogateescape")


def limit_blas_threads() -> None:
    """Keep NumPy's linear algebra on one core; call it before NumPy is imported.

    The matrices here are 100 x 100. OpenBLAS would spread them over all cores, where its idle
    threads spin: more CPU time than the computation itself. A value set in the environment wins.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def leave_out_imports() -> None:
    """Start without packages that are slow to import and that the server does not use.

    structlog and numba import these where they are installed: a quarter of a start.
    """
    for name in ("rich", "scipy"):
        sys.modules.setdefault(name, None)  # type: ignore[arg-type]  # documented for imports
