"""Processor time and wall-clock time.

Processor time is what you pay for, and a busy machine changes it less, so it is the time that is
compared. For this process it includes all threads, for a command also its child processes.
"""

from __future__ import annotations

import os
import resource
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

Result = TypeVar("Result")

TIMEOUT = 600.0
"""Seconds for one command."""


@dataclass(frozen=True, slots=True)
class Spent:
    """Processor time and wall-clock time in seconds."""

    cpu: float
    wall: float


class CommandFailed(Exception):
    """A command failed; the message ends with its output."""


def here(work: Callable[[], Result]) -> tuple[Result, Spent]:
    """Do `work` in this process; returns its result and its time."""
    cpu, wall = time.process_time(), time.perf_counter()
    result = work()
    return result, Spent(time.process_time() - cpu, time.perf_counter() - wall)


def repeat(
    work: Callable[[int], object], threads: int, seconds: float
) -> tuple[list[float], float]:
    """Repeat `work` in threads, with the number of the thread, at least once in each.

    Returns the duration of every run, and of everything, in seconds.
    """
    durations: list[list[float]] = [[] for _ in range(threads)]
    start = time.perf_counter()

    def loop(number: int, own: list[float]) -> None:
        while not own or time.perf_counter() < start + seconds:
            began = time.perf_counter()
            work(number)
            own.append(time.perf_counter() - began)

    running = [threading.Thread(target=loop, args=one) for one in enumerate(durations)]
    for one in running:
        one.start()
    for one in running:
        one.join()
    return [one for own in durations for one in own], time.perf_counter() - start


def command(
    words: Sequence[str],
    environment: Mapping[str, str] | None = None,
    allowed: tuple[int, ...] = (0,),
) -> Spent:
    """Run a command; returns its time. Raises CommandFailed unless its exit code is `allowed`."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    done = subprocess.run(
        words,
        env={**os.environ, **(environment or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=TIMEOUT,
        check=False,
    )
    wall = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode not in allowed:
        output = done.stdout.decode(errors="replace").strip()[-400:]
        raise CommandFailed(f"{' '.join(words)}: exit {done.returncode}: {output}")
    return Spent(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, wall)


def of_process(pid: int) -> float:
    """The processor time that another process has used so far, in seconds (Linux)."""
    # The clock of a process by its id: see clock_getcpuclockid(3).
    return time.clock_gettime((~pid << 3) | 2)
