"""Processor time and time on the wall.

Processor time is what cores have to be bought for, and a busy machine
stretches it less: it is what is compared. In this process it is that of all
threads; of a command it is that of the process and of its children.
"""

from __future__ import annotations

import os
import resource
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

Result = TypeVar("Result")

PATIENCE = 600.0
"""Seconds for one command; what takes longer hangs."""


@dataclass(frozen=True, slots=True)
class Spent:
    """Seconds of processor and on the wall."""

    cpu: float
    wall: float


class CommandFailed(Exception):
    """A command ended with an error; the message holds what it said."""


def here(work: Callable[[], Result]) -> tuple[Result, Spent]:
    """Do `work` in this process and tell what it took."""
    cpu, wall = time.process_time(), time.perf_counter()
    result = work()
    return result, Spent(time.process_time() - cpu, time.perf_counter() - wall)


def command(
    words: Sequence[str],
    environment: Mapping[str, str] | None = None,
    may_fail: tuple[int, ...] = (0,),
) -> Spent:
    """Run a command. Raises CommandFailed unless it exits with one of `may_fail`."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    done = subprocess.run(
        words,
        env={**os.environ, **(environment or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=PATIENCE,
        check=False,
    )
    wall = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode not in may_fail:
        said = done.stdout.decode(errors="replace").strip()[-400:]
        raise CommandFailed(f"{' '.join(words)}: exit {done.returncode}: {said}")
    return Spent(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, wall)


def of_process(pid: int) -> float:
    """Seconds of processor that another process has used so far, to the nanosecond (Linux)."""
    # Linux makes the clock of a process from its id: see clock_getcpuclockid(3).
    return time.clock_gettime((~pid << 3) | 2)
