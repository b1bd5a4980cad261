"""The stages of a request, told to whoever follows it.

`with stage("decode"):` says what is done from here to there, `note` adds what
is known of it. Nobody follows a request unless traces are on, and then both
cost a look at a context variable. Knows no OpenTelemetry, no gRPC.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from typing import Protocol, TypeAlias

Fact: TypeAlias = str | bool | int | float | None
"""What can be told of a stage; None is not told."""


class Follower(Protocol):
    """Follows one request, in the one thread that serves it."""

    def stage(self, name: str, facts: Mapping[str, Fact]) -> AbstractContextManager[None]:
        """Enter where a stage begins, leave where it ends or raises."""

    def note(self, facts: Mapping[str, Fact]) -> None:
        """Hear something of the stage that runs."""


_follower: ContextVar[Follower | None] = ContextVar("follower", default=None)
_UNFOLLOWED: AbstractContextManager[None] = nullcontext()


@contextmanager
def followed(follower: Follower) -> Iterator[None]:
    """Tell `follower` of the stages in the body."""
    _follower.set(follower)
    try:
        yield
    finally:
        # Not reset by its token: a stream may be closed by another thread than began it.
        _follower.set(None)


def stage(name: str, **facts: Fact) -> AbstractContextManager[None]:
    """A stage of the request that this thread serves; its name is one word, of few."""
    follower = _follower.get()
    return _UNFOLLOWED if follower is None else follower.stage(name, facts)


def note(**facts: Fact) -> None:
    """Add to what is known of the innermost stage that runs."""
    follower = _follower.get()
    if follower is not None:
        follower.note(facts)
