"""Dynamic batching: many callers, one thread that owns the network.

The words are TensorFlow Serving's. A batch starts as soon as it is full, or
when its first image has waited `batch_timeout_micros`; with 0 the thread takes
whatever is queued when it is free, so batches form only while it is busy.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy.typing as npt

from autoquality_core.errors import DeadlinePassed, Overloaded, RequestCancelled
from autoquality_core.networks.errors import PredictionFailed, one_line
from autoquality_core.networks.network import Answer, Network
from autoquality_core.networks.prediction import Prediction
from autoquality_core.runtime.context import set_attributes
from autoquality_core.runtime.deadline import Deadline
from autoquality_core.types import DropReason
from autoquality_server.inference.events import Events

_SHORTEST_RETRY = 0.05
_LONGEST_RETRY = 30.0
_NEWEST_SHARE = 0.2
"""Weight of the newest run in the mean."""


@dataclass(frozen=True, slots=True)
class BatchLimits:
    """How batches form.

    A batch is padded to the next of the sizes that its network runs at, and no
    larger than the largest of those. At most `max_enqueued_batches` times
    `max_batch_size` images wait.
    """

    max_batch_size: int = 8
    batch_timeout_micros: int = 0
    max_enqueued_batches: int = 32


class BatcherClosed(Exception):
    """The batcher takes no more images: its network was replaced."""


class _Entry:
    """One image in the queue; `answer` is there once `done` is set."""

    def __init__(self, image: npt.NDArray[Any], target: float, deadline: Deadline) -> None:
        self.image = image
        self.target = target
        self.deadline = deadline
        self.arrived = time.monotonic()
        self.done = threading.Event()
        self.answer: Answer | None = None
        self.queue_seconds = 0.0
        self.batch_size = 0

    def wanted(self) -> bool:
        """Whether somebody still waits for it."""
        try:
            self.deadline.check()
        except (DeadlinePassed, RequestCancelled):
            return False
        return True


class Batcher:
    """Runs a network for many callers. Thread-safe."""

    def __init__(self, network: Network, limits: BatchLimits, events: Events) -> None:
        """Takes over `network`: runs and closes it in a thread of its own."""
        self.network = network
        self._limits = limits
        self._events = events
        self._most = min(limits.max_batch_size, network.batch_sizes[-1])
        self._room = limits.max_enqueued_batches * limits.max_batch_size
        self._queue: deque[_Entry] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self._mean_seconds = 0.0
        self._thread = threading.Thread(target=self._work, name="predictor", daemon=True)
        self._thread.start()

    def predict(self, image: npt.NDArray[Any], target: float, deadline: Deadline) -> Prediction:
        """Wait for the prediction of a prepared image.

        Raises PredictionFailed, Overloaded at once when the queue is full,
        DeadlinePassed or RequestCancelled as soon as either happens, and
        BatcherClosed.
        """
        entry = _Entry(image, target, deadline)
        self._enqueue(entry)
        deadline.on_cancel(entry.done.set)
        while entry.answer is None:
            left = min(deadline.remaining(), threading.TIMEOUT_MAX)
            woken = entry.done.wait(max(0.0, left))
            if woken or deadline.remaining() <= 0:
                self._leave(entry)
        set_attributes(queue_seconds=entry.queue_seconds, batch_size=entry.batch_size)
        if isinstance(entry.answer, PredictionFailed):
            raise entry.answer
        return entry.answer

    def close(self, wait_seconds: float = 0.0) -> None:
        """Take no more, answer what is queued, then close the network.

        Returns at once, or when that is done or `wait_seconds` are over.
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
            if len(self._queue) >= self._room:
                self._events.left(DropReason.QUEUE_FULL)
                raise self._overloaded()
            self._queue.append(entry)
            self._changed.notify_all()

    def _leave(self, entry: _Entry) -> None:
        """Take an entry whose caller gave up out of the queue, unless it runs or was answered."""
        if entry.answer is not None:
            return
        with self._changed:
            if entry in self._queue:
                self._queue.remove(entry)
        try:
            entry.deadline.check()
        except DeadlinePassed:
            self._events.left(DropReason.DEADLINE)
            raise
        except RequestCancelled:
            self._events.left(DropReason.CANCELLED)
            raise

    def _work(self) -> None:
        while batch := self._take():
            now = time.monotonic()
            for entry in batch:
                entry.queue_seconds, entry.batch_size = now - entry.arrived, len(batch)
                self._events.waited(entry.queue_seconds)
            self._answer(batch)
        self.network.close()

    def _take(self) -> list[_Entry]:
        """The next batch, no larger than is allowed; empty once there will be none."""
        batch: list[_Entry] = []
        with self._changed:
            while not batch and not (self._closed and not self._queue):
                seconds = self._patience()
                if seconds is None or seconds > 0:
                    self._changed.wait(seconds)
                    continue
                count = min(len(self._queue), self._most)
                batch = [self._queue.popleft() for _ in range(count)]
                batch = [entry for entry in batch if entry.wanted()]
        return batch

    def _patience(self) -> float | None:
        """Seconds until the next batch should start, None while there is nothing to run."""
        if not self._queue:
            return None
        if self._closed or len(self._queue) >= self._most:
            return 0.0
        patience = self._limits.batch_timeout_micros / 1e6
        return self._queue[0].arrived + patience - time.monotonic()

    def _answer(self, batch: Sequence[_Entry]) -> None:
        """Run a batch; one that fails as a whole is run again image by image.

        So whatever it was that the network cannot take fails alone.
        """
        try:
            answers = self._run(batch)
        except PredictionFailed as error:
            if len(batch) > 1:
                for entry in batch:
                    self._answer([entry])
                return
            answers = [error]
        for entry, answer in zip(batch, answers, strict=True):
            entry.answer = answer
            entry.done.set()

    def _run(self, batch: Sequence[_Entry]) -> Sequence[Answer]:
        size = next(size for size in self.network.batch_sizes if size >= len(batch))
        padding = size - len(batch)
        filled = [*batch, *itertools.repeat(batch[-1], padding)]
        start = time.monotonic()
        try:
            answers = self.network.run(
                [entry.image for entry in filled], [entry.target for entry in filled]
            )
        except PredictionFailed:
            raise
        except Exception as error:
            # Whatever a library raises, the thread that all callers wait for goes on.
            raise PredictionFailed(f"{type(error).__name__}: {one_line(str(error))}") from error
        finally:
            seconds = time.monotonic() - start
            self._events.ran(len(batch), padding, seconds)
            self._mean_seconds += _NEWEST_SHARE * (seconds - self._mean_seconds)
        return answers[: len(batch)]

    def _overloaded(self) -> Overloaded:
        batches = len(self._queue) / self._most + 1
        retry = min(max(self._mean_seconds * batches, _SHORTEST_RETRY), _LONGEST_RETRY)
        return Overloaded(
            f"{len(self._queue)} images wait for a prediction: try again in {retry:.2f} s",
            retry_seconds=retry,
        )
