"""glibc's memory allocator made fit for large buffers in many threads."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_M_ARENA_MAX = -8
_ARENAS = 2
_VARIABLE = "MALLOC_ARENA_MAX"
_OTHERS = ("jemalloc", "mimalloc", "tcmalloc")


def limit_arenas() -> None:
    """Have glibc keep two arenas instead of eight a core; for the start, before any thread.

    Image buffers that come and go in many threads otherwise leave each arena
    with holes: about twice the memory at rest. `MALLOC_ARENA_MAX` in the
    environment wins; other C libraries have no such thing and are left alone.
    """
    if _VARIABLE in os.environ:
        return
    mallopt = _mallopt()
    if mallopt is not None:
        mallopt(_M_ARENA_MAX, _ARENAS)


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
