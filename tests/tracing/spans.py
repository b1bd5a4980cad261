"""Spans as a tree."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from opentelemetry.sdk.trace import ReadableSpan


class Tree:
    """A span and those below it."""

    def __init__(self, span: ReadableSpan, spans: Sequence[ReadableSpan]) -> None:
        self.span = span
        own = span.context.span_id
        below = [one for one in spans if one.parent and one.parent.span_id == own]
        self.below = [
            Tree(one, spans) for one in sorted(below, key=lambda one: one.start_time or 0)
        ]

    @property
    def names(self) -> list[Any]:
        """The names below: one that has spans below itself is a pair of its name and theirs."""
        return [(one.span.name, one.names) if one.below else one.span.name for one in self.below]

    def all(self) -> Iterator[ReadableSpan]:
        """The span and everything below it."""
        yield self.span
        for one in self.below:
            yield from one.all()

    def named(self, name: str) -> list[ReadableSpan]:
        return [one for one in self.all() if one.name == name]

    def __getitem__(self, key: str) -> Any:
        """An attribute of the span."""
        return (self.span.attributes or {})[key]
