"""The identity of the caller whose call runs in this thread."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_current: ContextVar[str] = ContextVar("caller", default="")


def current_caller() -> str:
    """Return the caller of this thread's call, or an empty string outside a call."""
    return _current.get()


@contextmanager
def serving(identity: str) -> Iterator[None]:
    """Serve this caller in the body."""
    _current.set(identity)
    try:
        yield
    finally:
        # No reset by token: another thread may close the stream that this one opened.
        _current.set("")
