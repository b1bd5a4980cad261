"""Settings of glibc's memory allocator for large buffers in many threads."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_MIB = 2**20
_ARENAS = 2
_VARIABLE = "MALLOC_ARENA_MAX"
# The environment variable, mallopt's parameter, its value.
_LIMITS = (
    (_VARIABLE, -8, _ARENAS),
    ("MALLOC_MMAP_THRESHOLD_", -3, 4 * _MIB),
    ("MALLOC_TRIM_THRESHOLD_", -1, 20 * _MIB),
)
_OTHERS = ("jemalloc", "mimalloc", "tcmalloc")


def limit_arenas() -> None:
    """Limit glibc to two arenas and return large buffers at once. Call it before any thread starts.

    By default glibc keeps eight arenas for each core. Image buffers of many
    threads leave holes in all of them: about twice the memory at rest. Buffers
    of 4 MiB and more are mapped on their own and returned when freed; glibc would
    raise that limit to 32 MiB by itself. Up to 20 MiB of smaller buffers stay
    free at the end of an arena for the next image.

    glibc's variables in the environment win, one by one. Does nothing with other
    C libraries.
    """
    mallopt = _mallopt()
    if mallopt is None:
        return
    for variable, number, value in _LIMITS:
        if variable not in os.environ:
            mallopt(number, value)


def trim_heap() -> None:
    """Return free memory between used blocks to the system. Takes a few milliseconds."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def arenas(environ: Mapping[str, str]) -> int | None:
    """The most arenas that glibc keeps after `limit_arenas`; None for another allocator."""
    if _mallopt() is None or any(name in _libraries() for name in _OTHERS):
        return None
    text = environ.get(_VARIABLE, "")
    return int(text) if text.isascii() and text.isdecimal() else _ARENAS


def _mallopt() -> Any:
    return getattr(ctypes.CDLL(None), "mallopt", None)


def _libraries() -> str:
    """The memory map of this process, which names its libraries; empty where there is no /proc."""
    try:
        return Path("/proc/self/maps").read_text()
    except OSError:
        return ""
