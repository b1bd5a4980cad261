"""Labels for a whole corpus, on all cores.

Each sample is swept by each encoder setting, and each sweep is on disk as soon as it is complete.
An interruption loses only the sweeps that are being made.
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

from autoquality_train.corpus.samples import Sample, UnreadableImage, digest_of
from autoquality_train.files import remove_abandoned
from autoquality_train.labels.sweeps import cached_sweep, sweep_file


@dataclass(frozen=True, slots=True)
class Plan:
    """Label every sample by every setting at `qualities`, into `folder`."""

    samples: Sequence[Sample]
    settings: Sequence[str]
    qualities: Sequence[int]
    folder: Path


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result for one sample: how many sweeps were made or existed; `failure` says why not."""

    sample: Sample
    made: int = 0
    existing: int = 0
    failure: str | None = None


class WorkerDied(Exception):
    """A worker process ended before its work was done, most likely for lack of memory."""


def label(plan: Plan, *, jobs: int, done: Callable[[Outcome], None]) -> None:
    """Make every missing sweep of the plan; `done` is called for each sample, in any order.

    More than one job run in processes of their own (spawned, because libvips has threads), which
    end with this one. Raises WorkerDied, and KeyboardInterrupt at once; finished sweeps stay.
    """
    plan.folder.mkdir(parents=True, exist_ok=True)
    remove_abandoned(plan.folder)
    work = partial(label_one, settings=plan.settings, qualities=plan.qualities, folder=plan.folder)
    if jobs > 1:
        _in_processes(work, plan.samples, jobs, done)
        return
    for sample in plan.samples:
        done(work(sample))


def label_one(
    sample: Sample, settings: Sequence[str], qualities: Sequence[int], folder: Path
) -> Outcome:
    """Label one sample by each of `settings`."""
    made = existing = 0
    try:
        pixels = sample.pixels()
        digest = digest_of(pixels)
        for setting in settings:
            exists = sweep_file(digest, setting, folder, qualities).exists()
            cached_sweep(pixels, digest, setting, folder, qualities)
            made, existing = made + (not exists), existing + exists
    except (UnreadableImage, pyvips.Error, OSError) as error:
        return Outcome(sample, made, existing, " ".join(str(error).split()))
    return Outcome(sample, made, existing)


def _in_processes(
    work: Callable[[Sample], Outcome],
    samples: Sequence[Sample],
    jobs: int,
    done: Callable[[Outcome], None],
) -> None:
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(jobs, mp_context=context, initializer=_start_worker)
    waiting = iter(samples)
    # A short queue, because an interrupt waits for it.
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


def _start_worker() -> None:
    # Ctrl-C reaches the whole process group; the main process ends its workers itself.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """End this worker if its parent is killed; it would wait for work forever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
