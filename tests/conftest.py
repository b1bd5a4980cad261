"""Ends the process of a test that hangs where its time limit, a signal, does not reach it.

Code in C that never returns handles no signal, and neither does a clean-up that hangs after the
limit has passed. pytest-xdist then names the test, starts another process and goes on.
"""

from __future__ import annotations

import faulthandler
import os
import socketserver
from collections.abc import Generator

import pytest
from hypothesis import settings

# On a busy machine, the first example takes longer than the 200 ms that are allowed by default.
# The rest is Hypothesis's own choice: with CI in the environment, the same examples in every run.
settings.register_profile(
    "untimed", settings.get_profile(settings.get_current_profile_name()), deadline=None
)
settings.load_profile("untimed")

_GRACE = 30.0
"""Seconds for a clean-up after the time limit."""

_stderr = pytest.StashKey[int]()

# By default, HTTP servers notice their end twice a second: a hundred tests would wait for that.
socketserver.BaseServer.serve_forever.__defaults__ = (0.02,)


def pytest_configure(config: pytest.Config) -> None:
    """Keep the real standard error: during a test, pytest captures what has its number."""
    config.stash[_stderr] = os.dup(2)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, object, object]:
    """Watch one phase: the set-up, the test or the clean-up."""
    marker = item.get_closest_marker("timeout")
    limit = marker.args[0] if marker else item.config.getini("timeout")
    _end_after(float(limit) + _GRACE, item.config)
    try:
        return (yield)
    finally:
        faulthandler.cancel_dump_traceback_later()


pytest_runtest_call = pytest_runtest_teardown = pytest_runtest_setup


def pytest_unconfigure(config: pytest.Config) -> None:
    """Watch the exit, which waits for the threads that a failed test left behind.

    A worker of pytest-xdist waits for the others instead, and is ended with them.
    """
    if not hasattr(config, "workerinput"):
        _end_after(_GRACE, config)


def _end_after(seconds: float, config: pytest.Config) -> None:
    """Print the stacks of all threads and end the process, unless it is cancelled before."""
    faulthandler.dump_traceback_later(seconds, exit=True, file=config.stash[_stderr])
