"""Dynamic batching: many callers share a network that one thread runs.

The terms are TensorFlow Serving's. A batch starts when it is full, or when its
first image has waited `batch_timeout_micros`. With 0, the thread takes all that
is queued when it is free, so batches form only while it is busy.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections import deque
from collections.abc import Sequence
from typing import Any

import numpy.typing as npt

from autoquality_core.errors import DeadlinePassed, Overloaded, RequestCancelled
from autoquality_core.metrics import DSSIM
from autoquality_core.networks import Network, Prediction, PredictionFailed, PredictionResult
from autoquality_core.networks.errors import one_line
from autoquality_core.runtime.context import set_attributes
from autoquality_core.runtime.deadline import Deadline
from autoquality_server.admission.retry_hint import MovingAverage, retry_hint
from autoquality_server.config.groups.quality import PredictionSettings
from autoquality_server.telemetry.predictor_metrics import DropReason, FormatEvents


class BatcherClosed(Exception):
    """The batcher takes no more images: its network was replaced."""


class _Entry:
    """One image in the queue. `done` is set when there is a result or the caller left."""

    def __init__(
        self, image: npt.NDArray[Any], target: float, deadline: Deadline, metric: str
    ) -> None:
        self.image = image
        self.target = target
        self.metric = metric
        self.deadline = deadline
        self.arrived = time.monotonic()
        self.done = threading.Event()
        self.result: PredictionResult | None = None
        self.queue_seconds = 0.0
        self.batch_size = 0


class Batcher:
    """Runs a network for many callers. Thread-safe.

    A batch is padded to the next size that the network runs, and is no larger
    than the largest of those. At most `max_enqueued_batches` x `max_batch_size`
    images wait.
    """

    def __init__(
        self, network: Network, settings: PredictionSettings, events: FormatEvents
    ) -> None:
        """Take over `network`: run and close it in a thread of its own."""
        self.network = network
        self._timeout = settings.batch_timeout_micros / 1e6
        self._events = events
        self._max_batch_size = min(settings.max_batch_size, network.batch_sizes[-1])
        self._capacity = settings.max_enqueued_batches * settings.max_batch_size
        self._queue: deque[_Entry] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self._run_seconds = MovingAverage()
        self._thread = threading.Thread(target=self._work, name="predictor", daemon=True)
        self._thread.start()

    def predict(
        self, image: npt.NDArray[Any], target: float, deadline: Deadline, metric: str = DSSIM.name
    ) -> Prediction:
        """Wait for the prediction of a prepared image. A batch may mix metrics.

        Raises PredictionFailed, Overloaded at once if the queue is full,
        DeadlinePassed or RequestCancelled without delay, and BatcherClosed.
        """
        entry = _Entry(image, target, deadline, metric)
        self._enqueue(entry)
        with deadline.calling(entry.done.set):
            while entry.result is None:
                seconds = min(max(0.0, deadline.remaining()), threading.TIMEOUT_MAX)
                entry.done.wait(seconds)
                if entry.result is None:
                    self._drop_ended(entry)
        set_attributes(queue_seconds=entry.queue_seconds, batch_size=entry.batch_size)
        if isinstance(entry.result, PredictionFailed):
            raise entry.result
        return entry.result

    def close(self, wait_seconds: float = 0.0) -> None:
        """Refuse new images, answer the queued ones, then close the network.

        Waits up to `wait_seconds` until that is done.
        """
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        if wait_seconds:
            self._thread.join(wait_seconds)

    def _enqueue(self, entry: _Entry) -> None:
        with self._changed:
            if self._closed:
                raise BatcherClosed
            if len(self._queue) >= self._capacity:
                self._events.dropped(DropReason.QUEUE_FULL)
                raise self._overloaded()
            self._queue.append(entry)
            self._changed.notify_all()

    def _drop_ended(self, entry: _Entry) -> None:
        """Remove an entry from the queue if its deadline has passed or its caller has left.

        Raises DeadlinePassed or RequestCancelled then.
        """
        try:
            entry.deadline.check()
        except (DeadlinePassed, RequestCancelled) as error:
            with self._changed:
                if entry in self._queue:
                    self._queue.remove(entry)
            passed = isinstance(error, DeadlinePassed)
            self._events.dropped(DropReason.DEADLINE if passed else DropReason.CANCELLED)
            raise

    def _work(self) -> None:
        while batch := self._next_batch():
            now = time.monotonic()
            for entry in batch:
                entry.queue_seconds, entry.batch_size = now - entry.arrived, len(batch)
                self._events.waited(entry.queue_seconds)
            self._answer(batch)
        self.network.close()

    def _next_batch(self) -> list[_Entry]:
        """Wait for the next batch; empty once the batcher is closed and its queue is empty."""
        batch: list[_Entry] = []
        with self._changed:
            while not batch and not (self._closed and not self._queue):
                seconds = self._seconds_to_start()
                if seconds is None or seconds > 0:
                    self._changed.wait(seconds)
                    continue
                count = min(len(self._queue), self._max_batch_size)
                batch = [self._queue.popleft() for _ in range(count)]
                batch = [entry for entry in batch if not entry.deadline.overdue()]
        return batch

    def _seconds_to_start(self) -> float | None:
        """Seconds until the next batch should start, None while the queue is empty."""
        if not self._queue:
            return None
        if self._closed or len(self._queue) >= self._max_batch_size:
            return 0.0
        return self._queue[0].arrived + self._timeout - time.monotonic()

    def _answer(self, batch: Sequence[_Entry]) -> None:
        """Run a batch. If all of it fails, run each image alone, so that only the bad one fails."""
        results: Sequence[PredictionResult]
        try:
            results = self._run(batch)
        except PredictionFailed as error:
            if len(batch) > 1:
                for entry in batch:
                    self._answer([entry])
                return
            results = [error]
        for entry, result in zip(batch, results, strict=True):
            entry.result = result
            entry.done.set()

    def _run(self, batch: Sequence[_Entry]) -> Sequence[PredictionResult]:
        size = next(size for size in self.network.batch_sizes if size >= len(batch))
        padding = size - len(batch)
        padded = [*batch, *itertools.repeat(batch[-1], padding)]
        start = time.monotonic()
        try:
            results = self.network.run(
                [entry.image for entry in padded],
                [entry.target for entry in padded],
                [entry.metric for entry in padded],
            )
        except PredictionFailed:
            raise
        except Exception as error:
            # All callers wait for this thread: it must survive any error of a library.
            raise PredictionFailed(f"{type(error).__name__}: {one_line(str(error))}") from error
        finally:
            seconds = time.monotonic() - start
            self._events.ran(len(batch), padding, seconds)
            self._run_seconds.add(seconds)
        return results[: len(batch)]

    def _overloaded(self) -> Overloaded:
        batches = len(self._queue) / self._max_batch_size + 1
        retry = retry_hint(self._run_seconds.value * batches)
        return Overloaded(f"{len(self._queue)} images wait for a prediction", retry)
