"""Who takes part, and what he hands in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from bench.clock import Spent
from bench.compare.task import Task


@dataclass(frozen=True, slots=True)
class Entry:
    """An encoded file, and what it took; None where a tool does not tell.

    `met` is whether he himself holds the goal to be met.
    """

    data: bytes
    spent: Spent
    encodings: int | None = None
    quality: int | None = None
    met: bool | None = None


class Entrant(Protocol):
    """A way to go about a task."""

    name: str
    own_encoder: bool
    """Whether the encoder is another than ours: then sizes are compared as well."""

    def enters(self, task: Task) -> bool:
        """Whether the task is one for him."""

    def encode(self, task: Task) -> Entry:
        """Do it; everything is timed that anyone would have to wait for."""
