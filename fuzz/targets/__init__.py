"""The fuzz targets, one per module.

A target's `run` takes any bytes. It returns if they are handled correctly, with a
documented error for example. Any exception from it is a defect.
"""

from __future__ import annotations

import importlib
import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

NAMES = (
    *("request", "encode", "image", "avif", "jxl", "contents", "notation"),
    *("side_file", "settings", "tokens"),
)

SEEDS = Path(__file__).resolve().parent.parent / "seeds"
"""A folder for each target: the first inputs, and those that once failed."""


@dataclass(frozen=True, slots=True)
class Target:
    """`mutate` changes an input where mutated bytes would hardly ever be valid."""

    run: Callable[[bytes], None]
    max_bytes: int = 4096
    mutate: Callable[[bytes, random.Random], bytes] | None = None


def load(name: str) -> Target:
    """Import a target, one of NAMES."""
    target: Target = importlib.import_module(f"fuzz.targets.{name}").TARGET
    return target
