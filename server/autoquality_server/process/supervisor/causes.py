"""Why a process ended: one word for the metrics, a few for the log."""

from __future__ import annotations

import signal

from autoquality_server.process.exits import HUNG

_SIGNALS = ("SIGABRT", "SIGBUS", "SIGFPE", "SIGILL", "SIGKILL", "SIGSEGV", "SIGTERM")
_OTHER_SIGNAL = "signal"
HANGS = "hung"
START = "start"
EXIT = "exit"

CAUSES = (*_SIGNALS, _OTHER_SIGNAL, HANGS, START, EXIT)
"""Every word there is."""


def cause_of(status: int, *, served: bool, silent: bool) -> str:
    """One of CAUSES. `status` is subprocess's: negative for a signal.

    `served` tells whether it had begun to serve, `silent` whether the
    supervisor ended it because it did not answer any more.
    """
    if silent or status == HUNG:
        return HANGS
    if status < 0:
        name = _signal_name(-status)
        return name if name in _SIGNALS else _OTHER_SIGNAL
    return EXIT if served else START


def in_words(status: int) -> str:
    """`SIGSEGV`, or `exit status 3`."""
    return _signal_name(-status) if status < 0 else f"exit status {status}"


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # the real-time signals between the first and the last have no names
        return f"signal {number}"
