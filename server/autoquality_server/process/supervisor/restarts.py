"""Why a process ended, and how soon it is replaced."""

from __future__ import annotations

import signal

from autoquality_server.process import HUNG

_SIGNALS = ("SIGABRT", "SIGBUS", "SIGFPE", "SIGILL", "SIGKILL", "SIGSEGV", "SIGTERM")
_OTHER_SIGNAL = "signal"
UNRESPONSIVE = "hung"
START = "start"
EXIT = "exit"

CAUSES = (*_SIGNALS, _OTHER_SIGNAL, UNRESPONSIVE, START, EXIT)
"""All values of the label `cause` of the metric of restarts."""

FIRST_DELAY = 0.5
LONGEST_DELAY = 30.0
LONG_ENOUGH = 30.0
"""Seconds of serving after which a process no longer counts as ending again and again."""


def cause_of(status: int, *, served: bool, unresponsive: bool) -> str:
    """Return one of CAUSES.

    `status` is subprocess's: negative for a signal. `served` says whether the process had become
    ready, `unresponsive` whether the supervisor killed it because it no longer answered.
    """
    if unresponsive or status == HUNG:
        return UNRESPONSIVE
    if status < 0:
        name = _signal_name(-status)
        return name if name in _SIGNALS else _OTHER_SIGNAL
    return EXIT if served else START


def in_words(status: int) -> str:
    """Describe a status for the log: `SIGSEGV`, or `exit status 3`."""
    return _signal_name(-status) if status < 0 else f"exit status {status}"


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # most of the real-time signals have no names
        return f"signal {number}"


class Backoff:
    """The delay before each restart: none at first, then longer while processes keep ending."""

    def __init__(self) -> None:
        self._in_a_row = 0

    def after(self, served_seconds: float) -> float:
        """Return the seconds to wait after the end of a process that served for so long."""
        if served_seconds >= LONG_ENOUGH:
            self._in_a_row = 0
        # 2.0**1024 would overflow.
        doublings = min(self._in_a_row - 1, 16)
        delay = min(FIRST_DELAY * 2.0**doublings, LONGEST_DELAY) if self._in_a_row else 0.0
        self._in_a_row += 1
        return delay
