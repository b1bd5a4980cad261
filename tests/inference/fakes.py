"""A network that runs when the test says so, a record of its events, and a bench for both."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from autoquality_core.networks import (
    LoadOptions,
    Network,
    NetworkInfo,
    Prediction,
    PredictionResult,
    load,
)
from autoquality_core.runtime.deadline import Deadline
from autoquality_server.config.groups.quality import PredictionSettings
from autoquality_server.inference.batching import Batcher
from autoquality_server.telemetry.predictor_metrics import DropReason, FormatEvents
from tests.networks.images import plain
from tests.waiting import GATE_LIMIT, until, wait_for

SIZES = LoadOptions(batch_sizes=(1, 2, 4, 8))
RED = (1.0, 0.0, 0.0)
# Not close to a rounding boundary of the quality: in float32, the sums of a batch differ slightly.
REDS = [red for red in range(256) if abs(99 * red / 255 - round(99 * red / 255)) < 0.06]


class Gated(Network):
    """Runs `inner` while the gate is open. `sizes` are those of its runs, with padding."""

    def __init__(self, inner: Network) -> None:
        self.inner = inner
        self.info = inner.info
        self.batch_sizes = inner.batch_sizes
        self.gate = threading.Event()
        self.sizes: list[int] = []
        self.threads: set[int] = set()
        self.error: Exception | None = None
        self.closed = threading.Event()

    def prepare(self, pixels: Any) -> Any:
        return self.inner.prepare(pixels)

    def run(
        self, images: Sequence[Any], targets: Sequence[float], metrics: Sequence[str]
    ) -> Sequence[PredictionResult]:
        self.sizes.append(len(images))
        self.threads.add(threading.get_ident())
        wait_for(self.gate, within=GATE_LIMIT)
        if self.error:
            raise self.error
        return self.inner.run(images, targets, metrics)

    def close(self) -> None:
        self.inner.close()
        self.closed.set()


class RecordedEvents(FormatEvents):
    """Keeps the events in their order."""

    def __init__(self) -> None:
        self.runs: list[tuple[int, int]] = []
        self.waits = 0
        self.failures = 0
        self.reloads: list[bool] = []
        self.drops: list[DropReason] = []
        self.served: list[tuple[str, bool]] = []

    def ran(self, size: int, padding: int, seconds: float) -> None:
        assert seconds >= 0
        self.runs.append((size, padding))

    def waited(self, seconds: float) -> None:
        assert seconds >= 0
        self.waits += 1

    def failed(self) -> None:
        self.failures += 1

    def dropped(self, reason: DropReason) -> None:
        self.drops.append(reason)

    def reloaded(self, ok: bool) -> None:
        self.reloads.append(ok)

    def serving(self, info: NetworkInfo, available: bool) -> None:
        self.served.append((info.name, available))


class Bench:
    """A batcher over a gated network, and a pool of callers."""

    def __init__(self, graph: Path, **limits: Any) -> None:
        self.network = Gated(load(graph, SIZES))
        self.events = RecordedEvents()
        self.batcher = Batcher(self.network, PredictionSettings(**limits), self.events)
        self.pool = ThreadPoolExecutor(64)

    def predict(self, red: int, target: float, deadline: Deadline | None) -> Prediction:
        image = self.network.prepare(plain((red, 0, 0)))
        return self.batcher.predict(image, target, deadline or Deadline())

    def ask(
        self, red: int = 0, target: float = 0.02, deadline: Deadline | None = None
    ) -> Future[Prediction]:
        return self.pool.submit(self.predict, red, target, deadline)

    def occupy(self) -> Future[Prediction]:
        """Make the network wait at its gate with one image."""
        first = self.ask()
        until(lambda: self.network.sizes)
        return first

    def queued(self, *reds: int) -> list[Future[Prediction]]:
        """Queue the images in this order while the network waits."""
        asked = []
        for red in reds:
            length = self.length + 1
            asked.append(self.ask(red))
            until(partial(self.is_long, length))
        return asked

    @property
    def length(self) -> int:
        return len(self.batcher._queue)

    def is_long(self, length: int) -> bool:
        return self.length == length

    def close(self) -> None:
        self.network.gate.set()
        self.batcher.close(60)
        self.pool.shutdown()
