"""glibc keeps few arenas and returns large buffers."""

from __future__ import annotations

import os
from functools import cache

from tests.commands import python

PROGRAM = """
from pathlib import Path

from autoquality_core.runtime.allocator import trim_heap, limit_arenas

MIB = 2**20


def resident():
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmRSS")).split()[1]) / 1024


limit_arenas()
before = resident()
# The buffers of two images, each freed, with a small block after each that stays.
kept = []
for _ in range(2):
    large = [bytearray(b"x" * (MIB * size)) for size in (6, 12, 24)]
    kept.append(bytearray(b"x" * (MIB // 16)))
    del large
print(resident() - before)

small = [bytearray(b"x" * (MIB // 4)) for _ in range(60)]
kept.append(bytearray(b"x" * 2000))
del small
before = resident()
trim_heap()
print(before - resident())
"""


@cache
def measured(**environment: str) -> list[float]:
    """MiB kept of large buffers and MiB returned of small ones, in a process of its own."""
    others = {name: text for name, text in os.environ.items() if not name.startswith("MALLOC_")}
    return [float(word) for word in python(PROGRAM, env=others | environment).stdout.split()]


def test_large_buffers_leave_no_holes() -> None:
    """Freed buffers of many MiB return to the system, even with small blocks after them."""
    assert measured()[0] < 4


def test_one_variable_of_glibc_leaves_the_other_limits_in_force() -> None:
    """Our container images set MALLOC_ARENA_MAX."""
    assert measured(MALLOC_ARENA_MAX="2")[0] < 4


def test_variables_of_glibc_win() -> None:
    """Large buffers stay in the arenas where the operator asks for that."""
    mib = str(2**20)
    everything = {"MALLOC_MMAP_THRESHOLD_": f"{64 * 2**20}", "MALLOC_TRIM_THRESHOLD_": mib * 2}
    assert measured(**everything)[0] > 30


def test_trim_heap_returns_free_memory() -> None:
    """Small freed blocks below one that is in use go back to the system."""
    assert measured()[1] > 10
