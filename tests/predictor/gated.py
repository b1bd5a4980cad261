"""A real network behind a gate: the moment at which it runs is the test's to choose."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

from autoquality_server.domain import Unpredicted
from autoquality_server.predictor import Network, NetworkInfo
from autoquality_server.predictor.network import Answer
from tests.waiting import GATE_LIMIT, wait_for


class Gated(Network):
    """Runs `inner` while the gate is open; `sizes` are those of its runs, padding included."""

    def __init__(self, inner: Network) -> None:
        self.inner = inner
        self.gate = threading.Event()
        self.sizes: list[int] = []
        self.threads: set[int] = set()
        self.error: Exception | None = None
        self.closed = threading.Event()

    @property
    def info(self) -> NetworkInfo:
        return self.inner.info

    @property
    def batch_sizes(self) -> tuple[int, ...]:
        return self.inner.batch_sizes

    def prepare(self, pixels: Any) -> Any:
        return self.inner.prepare(pixels)

    def run(self, images: Sequence[Any], targets: Sequence[float]) -> Sequence[Answer]:
        self.sizes.append(len(images))
        self.threads.add(threading.get_ident())
        wait_for(self.gate, within=GATE_LIMIT)
        if self.error:
            raise self.error
        return self.inner.run(images, targets)

    def close(self) -> None:
        self.inner.close()
        self.closed.set()


class Counted:
    """What the predictor told."""

    def __init__(self) -> None:
        self.runs: list[tuple[int, int]] = []
        self.waits = 0
        self.failures = 0
        self.reloads: list[bool] = []
        self.unpredicted: list[Unpredicted] = []
        self.served: list[tuple[str, bool]] = []

    def ran(self, size: int, padding: int, seconds: float) -> None:
        assert seconds >= 0
        self.runs.append((size, padding))

    def waited(self, seconds: float) -> None:
        assert seconds >= 0
        self.waits += 1

    def failed(self) -> None:
        self.failures += 1

    def left(self, why: Unpredicted) -> None:
        self.unpredicted.append(why)

    def reloaded(self, ok: bool) -> None:
        self.reloads.append(ok)

    def serving(self, info: NetworkInfo, available: bool) -> None:
        self.served.append((info.name, available))
