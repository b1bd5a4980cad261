"""Compiling a Python function to machine code, with or without a place to keep it."""

from __future__ import annotations

import contextlib
import functools
import pickle
from collections.abc import Callable
from typing import Final, ParamSpec, TypeVar

import numba
from numba.core import codegen, config

P = ParamSpec("P")
R = TypeVar("R")

# Contraction (fused multiply-add) is the only fast-math liberty: reassociation
# could undo the subtractions that keep the variances exact.
_FASTMATH: Final = {"contract"}
# A division that may raise cannot be vectorised; this one gives what IEEE says.
_DIVISION: Final = "numpy"

_WIDE, _NARROW = "+avx512f", ",-prefer-256-bit"


def _widen() -> None:
    """Have all 512 bits of a vector used where the processor has them.

    LLVM keeps to 256 lest a processor lower its clock, which those of today
    hardly do: the metric takes 30 % less. NUMBA_CPU_FEATURES and
    NUMBA_CPU_NAME in the environment win.
    """
    if config.CPU_FEATURES is not None:  # type: ignore[attr-defined]
        return
    features = codegen.get_host_cpu_features()  # type: ignore[no-untyped-call]  # as numba is
    if _WIDE in features.split(","):
        # config takes its names from the environment, where mypy sees none.
        config.CPU_FEATURES = features + _NARROW  # type: ignore[attr-defined]


_widen()


def inlined(function: Callable[P, R]) -> Callable[P, R]:
    """Make `function` a part of the compiled functions that call it."""
    jit = numba.njit(inline="always", fastmath=_FASTMATH, error_model=_DIVISION)
    return jit(function)


def compiled(function: Callable[P, R]) -> Callable[P, R]:
    """Compile `function` on its first call; it runs without the GIL.

    The machine code is kept between processes where numba finds a writable
    folder (NUMBA_CACHE_DIR, else `__pycache__` beside the source, else the
    user's cache); without one, each process compiles anew.
    """
    jit = numba.njit(nogil=True, fastmath=_FASTMATH, error_model=_DIVISION)
    kept, fresh = jit(function), jit(function)
    # "RuntimeError: cannot cache function" is a read-only file system or the like.
    with contextlib.suppress(RuntimeError):
        kept.enable_caching()

    @functools.wraps(kept)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return kept(*args, **kwargs)
        except (OSError, EOFError, pickle.UnpicklingError):
            # The machine code could not be stored (a full disk) or what is
            # stored cannot be read.
            return fresh(*args, **kwargs)

    return call


def kept_in(function: Callable[P, R]) -> str | None:
    """The folder in which the machine code of a `compiled` function is kept; None for nowhere."""
    folder: str | None = function.__wrapped__.stats.cache_path  # type: ignore[attr-defined]
    return folder
