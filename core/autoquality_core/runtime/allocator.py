"""glibc's memory allocator made fit for large buffers in many threads."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_MIB = 2**20
_ARENAS = 2
_VARIABLE = "MALLOC_ARENA_MAX"
# Variable, number of mallopt, value.
_LIMITS = (
    (_VARIABLE, -8, _ARENAS),
    ("MALLOC_MMAP_THRESHOLD_", -3, 4 * _MIB),
    ("MALLOC_TRIM_THRESHOLD_", -1, 20 * _MIB),
)
_OTHERS = ("jemalloc", "mimalloc", "tcmalloc")


def limit_arenas() -> None:
    """Have glibc keep two arenas instead of eight a core; for the start, before any thread.

    Image buffers that come and go in many threads otherwise leave each arena
    with holes: about twice the memory at rest. Buffers of 4 MiB and more are
    kept out of the arenas, and given back as soon as they are freed: glibc
    by itself would soon put all up to 32 MiB there, where a large image leaves
    holes of several bytes a pixel. Of smaller ones up to 20 MiB may lie free
    at the end of an arena, ready for the next image.

    The variables of glibc in the environment win, each for itself; other C
    libraries have no such things and are left alone.
    """
    mallopt = _mallopt()
    if mallopt is None:
        return
    for variable, number, value in _LIMITS:
        if variable not in os.environ:
            mallopt(number, value)


def trim_heap() -> None:
    """Give the system back what lies free between what is used; takes a few milliseconds."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def arenas(environ: Mapping[str, str]) -> int | None:
    """How many arenas glibc keeps at most after `limit_arenas`; None for another allocator."""
    if _mallopt() is None or any(name in _libraries() for name in _OTHERS):
        return None
    text = environ.get(_VARIABLE, "")
    return int(text) if text.isascii() and text.isdecimal() else _ARENAS


def _mallopt() -> Any:
    return getattr(ctypes.CDLL(None), "mallopt", None)


def _libraries() -> str:
    """The names of what this process has loaded; empty where the system does not tell."""
    try:
        return Path("/proc/self/maps").read_text()
    except OSError:
        return ""
