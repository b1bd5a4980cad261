"""The cores and the memory that this process may use."""

from __future__ import annotations

import math
import os
from contextlib import suppress
from pathlib import Path

BYTES_A_PIXEL = 80
"""The most memory that a request takes for each pixel of its source, the encoder's own included:
an AVIF with transparency by dssim (measured: 76; without transparency 45, WebP 56 and 23, JPEG
21)."""

_CGROUP = Path("/sys/fs/cgroup")
_MEMBERSHIP = Path("/proc/self/cgroup")
_CPU_V1 = Path("/sys/fs/cgroup/cpu")
_MEMORY_V1 = Path("/sys/fs/cgroup/memory/memory.limit_in_bytes")


def available_cores() -> int:
    """Return the cores of the affinity mask, or the cgroups' CPU quota (rounded up) if less."""
    cores = len(os.sched_getaffinity(0))
    quotas = [cgroup_quota(folder / "cpu.max", _CPU_V1) for folder in cgroup_folders()]
    return max(1, min([cores, *(math.ceil(one) for one in quotas if one is not None)]))


def cgroup_folders(root: Path = _CGROUP, membership: Path = _MEMBERSHIP) -> list[Path]:
    """Return the folders of this process's cgroup and of those above it, in cgroup v2.

    In a container, this is the root alone. A unit of systemd has its limits further down.
    """
    try:
        lines = membership.read_text().splitlines()
    except OSError:
        return [root]
    (own, *_) = [line.removeprefix("0::/") for line in lines if line.startswith("0::/")] or [""]
    folder = root / own
    return [folder, *(one for one in folder.parents if one.is_relative_to(root))]


def cgroup_quota(v2: Path, v1: Path) -> float | None:
    """Return the CPU quota in cores, None if there is none.

    `v2` is cgroup v2's `cpu.max`, `v1` the folder of cgroup v1's CPU controller.
    """
    of_v1 = (v1 / "cpu.cfs_quota_us", v1 / "cpu.cfs_period_us")
    for files in ((v2,), of_v1):
        with suppress(OSError, ValueError, ZeroDivisionError):
            quota, period = " ".join(file.read_text() for file in files).split()
            return None if quota in ("max", "-1") else int(quota) / int(period)
    return None


def available_memory() -> int:
    """Return the bytes of the machine, or the cgroups' limit if less."""
    machine = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    limits = [cgroup_limit(folder / "memory.max", _MEMORY_V1) for folder in cgroup_folders()]
    return min([machine, *(one for one in limits if one is not None)])


def cgroup_limit(v2: Path, v1: Path) -> int | None:
    """Return the memory limit in bytes, None if there is none.

    `v2` is cgroup v2's `memory.max`, `v1` cgroup v1's `memory.limit_in_bytes`.
    """
    for file in (v2, v1):
        with suppress(OSError, ValueError):  # ValueError: "max"
            return int(file.read_text())
    return None
