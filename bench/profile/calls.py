"""Python's own profiler over the same requests: which functions the time is spent in."""

from __future__ import annotations

import cProfile
import pstats
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

from bench.record.machine import ROOT


def profiled(work: Callable[[], object], most: float = 0.03) -> list[tuple[str, float]]:
    """The functions that take at least such a part of `work`, without what they call.

    Time in native code is that of the Python function or builtin that calls it, time
    of other threads (a network's) that of whatever waits for them: `acquire`.
    """
    profile = cProfile.Profile(time.process_time)
    profile.runcall(work)
    stats = cast("dict[tuple[str, int, str], Any]", cast("Any", pstats.Stats(profile)).stats)
    own = {_name(key): value[2] for key, value in stats.items()}
    total = sum(own.values())
    found = [(name, seconds / total) for name, seconds in own.items() if seconds >= most * total]
    return sorted(found, key=lambda one: -one[1])


def _name(key: tuple[str, int, str]) -> str:
    """A function as file:name, the file from the repository or the package on."""
    file, _, function = key
    if file == "~":
        # Native functions come as their repr, perhaps with an address.
        return function.partition(" at 0x")[0].strip("<>")
    path = Path(file)
    if "site-packages" in path.parts:
        path = Path(*path.parts[path.parts.index("site-packages") + 1 :])
    elif path.is_relative_to(ROOT):
        path = path.relative_to(ROOT)
    else:
        path = Path(path.name)
    return f"{path}:{function.strip('<>')}"
