"""How many cores this process may use."""

from __future__ import annotations

import math
import os
from pathlib import Path

_CGROUP_V2 = Path("/sys/fs/cgroup/cpu.max")
_CGROUP_V1 = Path("/sys/fs/cgroup/cpu")


def available_cores() -> int:
    """Cores of the affinity mask, or of the cgroup's CPU quota (rounded up) if that is less."""
    quota = cgroup_quota(_CGROUP_V2, _CGROUP_V1)
    cores = len(os.sched_getaffinity(0))
    return cores if quota is None else max(1, min(cores, math.ceil(quota)))


def cgroup_quota(v2: Path, v1: Path) -> float | None:
    """The CPU quota in cores, None where there is none.

    `v2` is cgroup v2's `cpu.max`, `v1` the folder of cgroup v1's CPU controller.
    """
    try:
        quota, period = v2.read_text().split()
        return None if quota == "max" else int(quota) / int(period)
    except (OSError, ValueError, ZeroDivisionError):
        pass
    try:
        microseconds = int((v1 / "cpu.cfs_quota_us").read_text())
        return (
            microseconds / int((v1 / "cpu.cfs_period_us").read_text()) if microseconds > 0 else None
        )
    except (OSError, ValueError, ZeroDivisionError):
        return None
