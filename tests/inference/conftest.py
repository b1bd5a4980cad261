"""Benches, closed after each test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.inference.fakes import RED, Bench
from tests.networks import mean_graph


@pytest.fixture
def bench_of() -> Iterator[Callable[..., Bench]]:
    made: list[Bench] = []

    def make(graph: Path, **limits: Any) -> Bench:
        made.append(Bench(graph, **limits))
        return made[-1]

    yield make
    for bench in made:
        bench.close()


@pytest.fixture
def red_bench(tmp_path: Path, bench_of: Callable[..., Bench]) -> Bench:
    return bench_of(mean_graph(tmp_path / "a.pb", RED))
