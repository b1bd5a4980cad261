"""The fuzz targets, one module each.

The `run` of a target takes any bytes. It returns if they are handled correctly, also with a
documented error. Any other exception is a bug.
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
"""The seeds of each target, and inputs that failed once, in a folder for each target."""


@dataclass(frozen=True, slots=True)
class Target:
    """A target; `mutate` changes an input where random bytes would rarely be valid."""

    run: Callable[[bytes], None]
    max_bytes: int = 4096
    mutate: Callable[[bytes, random.Random], bytes] | None = None


def load(name: str) -> Target:
    """Import a target, one of NAMES."""
    target: Target = importlib.import_module(f"fuzz.targets.{name}").TARGET
    return target
