"""A network that runs when the test says so, and a record of a predictor's events."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

from autoquality_core.networks import Network, NetworkInfo, PredictionResult
from autoquality_core.types import DropReason
from autoquality_server.inference.events import PredictorEvents
from tests.waiting import GATE_LIMIT, wait_for


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


class RecordedEvents(PredictorEvents):
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
