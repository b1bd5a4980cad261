"""The context of one request: its deadline, its timings and the observers of its steps.

`with step("decode"):` measures a part of the work once, with one clock. The timings of the
request, its spans and its progress all come from there. Outside of a request a step only measures.
"""

from __future__ import annotations

import contextvars
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import fields
from types import TracebackType
from typing import NamedTuple, Self, TypeAlias, TypeVar

from autoquality_core.runtime.deadline import Deadline
from autoquality_core.types import Probe, Progress, Stage, Timings

R = TypeVar("R")

Attribute: TypeAlias = str | bool | int | float | None
"""The value of an attribute of a step; observers ignore None."""

clock = time.perf_counter
"""The clock of everything that is measured about a request, in seconds."""

_COUNTED_AS = {
    "open": "decode",
    "shrink": "decode",
    **{field.name: field.name for field in fields(Timings)},
}
"""The field of `Timings` to which a step adds its time. None of these steps contains another."""


class Observer:
    """Observes one request. Subclasses override some of the methods.

    The methods are called in the threads that work on the request, and must not block.
    """

    def started(self, step: Step) -> None:
        """A step starts."""

    def finished(self, step: Step, error: BaseException | None) -> None:
        """A step has ended, with `error` if it raised."""

    def progressed(self, progress: Progress) -> None:
        """The request has reached a stage."""


class Context:
    """Everything that belongs to one request, whichever thread works on it."""

    def __init__(self, deadline: Deadline | None = None, *observers: Observer) -> None:
        """Start the request now, by default without a deadline."""
        self.deadline = deadline or Deadline()
        self.observers = observers
        self.timings = Timings()
        self.attributes: dict[str, object] = {}
        """Facts about the request as a whole, for its log line and its span."""
        self.started = clock()

    @contextmanager
    def active(self) -> Iterator[None]:
        """Make this the context of the current thread for the body."""
        here = _Position(self, None, self.timings)
        _position.set(here)
        try:
            yield
        finally:
            if _position.get() is here:
                _position.set(None)


class Step:
    """A part of the work on a request, measured while it is entered."""

    def __init__(self, name: str, attributes: dict[str, Attribute]) -> None:
        self.name = name
        self.attributes = attributes
        self.parent: Step | None = None
        self.started = 0.0
        """When it started, by `clock`."""
        self.seconds = 0.0
        """How long it took, once it has ended."""
        self._outer: _Position | None = None
        self._inner: _Position | None = None

    def __enter__(self) -> Self:
        self._outer = outer = _position.get()
        if outer is not None:
            self.parent = outer.step
            self._inner = _Position(outer.context, self, outer.timings)
            _position.set(self._inner)
        self.started = clock()
        if outer is not None:
            for observer in outer.context.observers:
                observer.started(self)
        return self

    def __exit__(
        self, _: type[BaseException] | None, error: BaseException | None, __: TracebackType | None
    ) -> None:
        self.seconds = clock() - self.started
        outer, inner = self._outer, self._inner
        # A position refers to its step. Such a cycle would keep the context until it is collected.
        self._outer = self._inner = None
        if outer is None:
            return
        # Another thread may close the generator that runs this, and has a context of its own.
        if _position.get() is inner:
            _position.set(outer)
        if self.name in _COUNTED_AS:
            _add(outer.timings, _COUNTED_AS[self.name], self.seconds)
        for observer in outer.context.observers:
            observer.finished(self, error)


class _Position(NamedTuple):
    """Where in a request a thread works: the innermost step, and the timings to add to."""

    context: Context
    step: Step | None
    timings: Timings


_position: ContextVar[_Position | None] = ContextVar("position", default=None)


def step(name: str, **attributes: Attribute) -> Step:
    """A step of the active request, to be entered; `name` is one of a few words."""
    return Step(name, attributes)


def set_attributes(**attributes: Attribute) -> None:
    """Add to the attributes of the innermost step."""
    position = _position.get()
    if position is not None and position.step is not None:
        position.step.attributes.update(attributes)


def observe(observer: Observer) -> None:
    """Notify `observer` too of what happens to the active request from now on."""
    position = _position.get()
    if position is not None:
        position.context.observers += (observer,)


def report(stage: Stage, probe: Probe | None = None) -> None:
    """Notify the observers that the active request has reached `stage`."""
    position = _position.get()
    if position is not None:
        for observer in position.context.observers:
            observer.progressed(Progress(stage, probe))


def active_context() -> Context | None:
    """The context that is active in this thread."""
    position = _position.get()
    return None if position is None else position.context


@contextmanager
def context_for(deadline: Deadline) -> Iterator[Context]:
    """The active context; where there is none, a new one for the body."""
    context = active_context()
    if context is not None:
        yield context
        return
    context = Context(deadline)
    with context.active():
        yield context


def run_both(first: Callable[[], R], second: Callable[[], R]) -> tuple[R, R]:
    """Run both at the same time, `second` in a thread of its own, and return their results.

    The timings of the request count only the slower one. Raises what `first` raises, else what
    `second` raises.
    """
    position = _position.get()
    parts = Timings(), Timings()

    def run(work: Callable[[], R], timings: Timings) -> R:
        if position is not None:
            _position.set(position._replace(timings=timings))
        return work()

    with ThreadPoolExecutor(1, "second") as pool:  # waits for its thread at the end
        running = pool.submit(contextvars.copy_context().run, run, second, parts[1])
        result = contextvars.copy_context().run(run, first, parts[0])
    results = result, running.result()
    if position is not None:
        slower = max(parts, key=lambda part: sum(getattr(part, one.name) for one in fields(part)))
        for one in fields(slower):
            _add(position.timings, one.name, getattr(slower, one.name))
    return results


def _add(timings: Timings, field: str, seconds: float) -> None:
    setattr(timings, field, getattr(timings, field) + seconds)
