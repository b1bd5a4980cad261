"""Work in processes of their own, which end with this one however it ends."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


class WorkerDied(Exception):
    """A worker process ended before its work was done, most likely for lack of memory."""


def for_each(
    work: Callable[[Item], Result],
    items: Sequence[Item],
    *,
    jobs: int,
    done: Callable[[Result], object],
) -> None:
    """Call `done` with the result of `work` for each item, in any order.

    More than one job run in processes of their own (spawned, because libvips has threads).
    Raises WorkerDied, the first exception of `work`, and KeyboardInterrupt at once.
    """
    if jobs == 1:
        for item in items:
            done(work(item))
        return
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(jobs, mp_context=context, initializer=_start_worker)
    waiting = iter(items)
    # A short queue, because an interrupt waits for it.
    running = {pool.submit(work, item) for item in islice(waiting, 2 * jobs)}
    try:
        while running:
            finished, running = wait(running, return_when=FIRST_COMPLETED)
            for one in finished:
                done(one.result())
            running |= {pool.submit(work, item) for item in islice(waiting, len(finished))}
    except BrokenProcessPool as error:
        raise WorkerDied(
            "a worker process died, perhaps for lack of memory; run the same command again with"
            f" fewer --jobs than {jobs}: finished labels are kept"
        ) from error
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
