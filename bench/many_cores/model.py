"""The throughput of one process by its cores.

A closed queueing network: as many requests as cores, each of which needs Python for a share of its
time, one request at a time. The rest runs in parallel. Exact mean value analysis.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

ENOUGH = 0.8
"""The part of its cores that a process should use."""

_MOST_CORES = 256


def used(share: float, cores: int) -> float:
    """The part of the cores that a process uses, if `share` of a request's time is Python's."""
    waiting = throughput = 0.0
    for requests in range(1, cores + 1):
        in_python = share * (1 + waiting)
        throughput = requests / (1 - share + in_python)
        waiting = throughput * in_python
    return throughput / cores


def share_of(measured: Mapping[int, float]) -> float:
    """The share of Python that explains the parts of the cores that were `measured` best."""
    shares = np.linspace(0.001, 0.999, 999)
    errors = [
        sum((used(share, cores) / part - 1) ** 2 for cores, part in measured.items())
        for share in shares
    ]
    return float(shares[int(np.argmin(errors))])


def most_cores(share: float) -> int:
    """The most cores of which a process uses ENOUGH."""
    return max(n for n in range(1, _MOST_CORES + 1) if n == 1 or used(share, n) >= ENOUGH)
