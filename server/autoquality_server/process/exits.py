"""What the exit status of a server says."""

from __future__ import annotations

CLEAN = 0
FAILED = 1
"""It could not start, or its drain cut requests off."""
WRONG_SETTING = 2
HUNG = 3
"""An encode went on long after anybody waited for it: see `watchdog`."""
BROKEN = 4
"""A thread ended with an exception, for lack of memory perhaps: see `ending`."""
