"""The stages of a request, told to whoever follows it.

`with step("decode"):` says what is done from here to there, `note` adds what
is known of it. Nobody follows a request unless traces are on, and then both
cost a look at a context variable. Knows no OpenTelemetry, no gRPC.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from typing import Protocol, TypeAlias

Attribute: TypeAlias = str | bool | int | float | None
"""What can be told of a stage; None is not told."""


class Observer(Protocol):
    """Follows one request, in the one thread that serves it."""

    def step(self, name: str, attributes: Mapping[str, Attribute]) -> AbstractContextManager[None]:
        """Enter where a stage begins, leave where it ends or raises."""

    def set_attributes(self, attributes: Mapping[str, Attribute]) -> None:
        """Hear something of the stage that runs."""


_observer: ContextVar[Observer | None] = ContextVar("observer", default=None)
_UNFOLLOWED: AbstractContextManager[None] = nullcontext()


@contextmanager
def observed(observer: Observer) -> Iterator[None]:
    """Tell `observer` of the stages in the body."""
    _observer.set(observer)
    try:
        yield
    finally:
        # Not reset by its token: a stream may be closed by another thread than began it.
        _observer.set(None)


def step(name: str, **attributes: Attribute) -> AbstractContextManager[None]:
    """A stage of the request that this thread serves; its name is one word, of few."""
    observer = _observer.get()
    return _UNFOLLOWED if observer is None else observer.step(name, attributes)


def set_attributes(**attributes: Attribute) -> None:
    """Add to what is known of the innermost stage that runs."""
    observer = _observer.get()
    if observer is not None:
        observer.set_attributes(attributes)
