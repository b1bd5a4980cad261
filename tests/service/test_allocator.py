"""glibc is told to keep few arenas and nothing large in them."""

from __future__ import annotations

import os
import subprocess
import sys

PROGRAM = """
from pathlib import Path

from autoquality_core.runtime.allocator import trim_heap, limit_arenas

MIB = 2**20


def resident():
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmRSS")).split()[1]) / 1024


limit_arenas()
before = resident()
# As of one image, freed, and of the next, with what lies between and stays.
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


def told(**environment: str) -> list[float]:
    """What a process of its own prints: MiB kept of large buffers, MiB given back of small ones."""
    others = {name: text for name, text in os.environ.items() if not name.startswith("MALLOC_")}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env=others | environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return [float(word) for word in done.stdout.split()]


def test_large_buffers_leave_no_holes() -> None:
    """Freed buffers of many MiB are the system's again, whatever was allocated after them."""
    assert told()[0] < 4


def test_the_arenas_may_be_limited_elsewhere() -> None:
    """MALLOC_ARENA_MAX in the environment, as images set it, leaves the other limits in force."""
    assert told(MALLOC_ARENA_MAX="2")[0] < 4


def test_the_environment_wins() -> None:
    """With glibc's own variable, buffers stay where the operator wants them to."""
    mib = str(2**20)
    everything = {"MALLOC_MMAP_THRESHOLD_": f"{64 * 2**20}", "MALLOC_TRIM_THRESHOLD_": mib * 2}
    assert told(**everything)[0] > 30


def test_what_lies_free_can_be_given_back() -> None:
    assert told()[1] > 10
