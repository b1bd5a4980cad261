"""Who makes the call that this thread serves."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_current: ContextVar[str] = ContextVar("caller", default="")


def current_caller() -> str:
    """The identity of the caller that this thread serves, empty outside of a call."""
    return _current.get()


@contextmanager
def serving(identity: str) -> Iterator[None]:
    """Serve `identity` in the body."""
    _current.set(identity)
    try:
        yield
    finally:
        # Not reset by its token: a stream may be closed by another thread than began it.
        _current.set("")
