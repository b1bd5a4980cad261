"""Labels for a whole corpus, by as many processes as there are cores.

A job is one sample by one encoder setting; its sweep is on disk when it is
done, so whatever ends the work early costs the jobs under way and no more.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path

import pyvips

from autoquality_core.errors import InvalidImage
from autoquality_train.files import sweep_up
from autoquality_train.samples import Sample, digest_of
from autoquality_train.sweeps import kept_sweep, sweep_file


@dataclass(frozen=True, slots=True)
class Plan:
    """What to label: every sample by every setting, at `qualities`, into `folder`."""

    samples: Sequence[Sample]
    settings: Sequence[str]
    qualities: Sequence[int]
    folder: Path


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one sample: sweeps made now and found made, or why there are none."""

    sample: Sample
    made: int = 0
    kept: int = 0
    failure: str | None = None


class WorkerDied(Exception):
    """A process ended before its job was done, most likely for want of memory."""


def label(plan: Plan, *, jobs: int, done: Callable[[Outcome], None]) -> None:
    """Make every sweep of the plan that is not there; `done` is told of each sample, in any order.

    With more than one job the work is done by processes of their own (spawned:
    libvips has threads). They end with this one, however it ends. Raises
    WorkerDied, and KeyboardInterrupt at once; what was made is kept.
    """
    plan.folder.mkdir(parents=True, exist_ok=True)
    sweep_up(plan.folder)
    work = partial(label_one, settings=plan.settings, qualities=plan.qualities, folder=plan.folder)
    if jobs > 1:
        _by_processes(work, plan.samples, jobs, done)
        return
    for sample in plan.samples:
        done(work(sample))


def _by_processes(
    work: Callable[[Sample], Outcome],
    samples: Sequence[Sample],
    jobs: int,
    done: Callable[[Outcome], None],
) -> None:
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(jobs, mp_context=context, initializer=_begin_worker)
    waiting = iter(samples)
    # Never many in the queue: an interrupt must not wait for them.
    running = {pool.submit(work, sample) for sample in islice(waiting, 2 * jobs)}
    try:
        while running:
            finished, running = wait(running, return_when=FIRST_COMPLETED)
            for one in finished:
                done(one.result())
            running |= {pool.submit(work, sample) for sample in islice(waiting, len(finished))}
    except BrokenProcessPool as error:
        raise WorkerDied from error
    except BaseException:
        for process in multiprocessing.active_children():
            process.terminate()
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def label_one(
    sample: Sample, settings: Sequence[str], qualities: Sequence[int], folder: Path
) -> Outcome:
    """Label one sample by each of `settings`."""
    made = kept = 0
    try:
        pixels = sample.pixels()
        digest = digest_of(pixels)
        for setting in settings:
            there = sweep_file(digest, setting, folder, qualities).exists()
            kept_sweep(pixels, digest, setting, folder, qualities)
            made, kept = made + (not there), kept + there
    except InvalidImage as error:
        return Outcome(sample, made, kept, str(error))
    except (pyvips.Error, OSError) as error:
        return Outcome(sample, made, kept, " ".join(str(error).split()))
    return Outcome(sample, made, kept)


def _begin_worker() -> None:
    # Ctrl-C reaches the whole process group; the one that was started ends the others.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """Lest workers of a process that was killed wait for work for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
