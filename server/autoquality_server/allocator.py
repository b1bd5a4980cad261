"""glibc's memory allocator made fit for large buffers in many threads."""

from __future__ import annotations

import ctypes
import os

_M_ARENA_MAX = -8
_ARENAS = 2


def limit_arenas() -> None:
    """Have glibc keep two arenas instead of eight a core; for the start, before any thread.

    Image buffers that come and go in many threads otherwise leave each arena
    with holes: about twice the memory at rest. `MALLOC_ARENA_MAX` in the
    environment wins; other C libraries have no such thing and are left alone.
    """
    if "MALLOC_ARENA_MAX" in os.environ:
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_ARENA_MAX, _ARENAS)
