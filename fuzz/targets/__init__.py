"""What is fuzzed: one module a target, and what it needs of one.

A target's `run` takes any bytes. It returns where they are handled as they
should be, an error that is documented included; whatever else it raises is a
find.
"""

from __future__ import annotations

import importlib
import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

NAMES = (
    *("request", "encode", "image", "avif", "contents", "notation"),
    *("side_file", "settings", "tokens"),
)

SEEDS = Path(__file__).resolve().parent.parent / "seeds"
"""A folder for each target: where fuzzing starts, and what it has found."""


@dataclass(frozen=True, slots=True)
class Target:
    """`mutate` makes another input of one, where mutating bytes would hardly get anywhere."""

    run: Callable[[bytes], None]
    max_bytes: int = 4096
    mutate: Callable[[bytes, random.Random], bytes] | None = None


def load(name: str) -> Target:
    """Import a target, one of NAMES."""
    target: Target = importlib.import_module(f"fuzz.targets.{name}").TARGET
    return target
