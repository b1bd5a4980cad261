"""Compiles Python functions to machine code when they are first called.

numba is imported and configured then, so that importing this library does neither.
"""

from __future__ import annotations

import contextlib
import functools
import pickle
import threading
from collections.abc import Callable
from typing import Any, Final, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

# Contraction (fused multiply-add) is the only fast-math liberty: reassociation
# could undo the subtractions that keep the variances exact. Division follows
# IEEE 754, because a division that may raise cannot be vectorised.
_OPTIONS: Final[dict[str, Any]] = {"fastmath": {"contract"}, "error_model": "numpy"}
_AS_WRITTEN: Final[dict[str, Any]] = {"fastmath": False, "error_model": "numpy"}

_WIDE, _NO_NARROW = "+avx512f", ",-prefer-256-bit"

_lock = threading.Lock()
_to_inline: list[Callable[..., Any]] = []


def inlined(function: Callable[P, R]) -> Callable[P, R]:
    """Inline `function` into the `compiled` functions of its module that call it."""
    _to_inline.append(function)
    return function


def fused(factor: Any, other: Any, addend: Any) -> Any:
    """`factor * other + addend`, rounded once. Only for functions that are compiled."""
    raise NotImplementedError


def transposed(
    source: Any, at: Any, pitch: Any, target: Any, target_at: Any, target_pitch: Any
) -> None:
    """Copy 16 rows of 16 numbers to 16 columns. Only for functions that are compiled.

    Both arrays are flat and of 32-bit floats, the other arguments are unsigned. LLVM compiles a
    plain loop to single loads, which take six times as long.
    """
    raise NotImplementedError


def compiled(function: Callable[P, R], *, as_written: bool = False) -> Callable[P, R]:
    """Compile `function` on its first call. It runs without the GIL.

    With `as_written`, sums of products are only fused where the code calls `fused`.

    numba keeps the machine code between processes in a writable folder:
    NUMBA_CACHE_DIR, else `__pycache__` next to the source, else the user's cache.
    Without one, each process compiles for itself.
    """

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        cached, uncached = _dispatchers(function, as_written)
        result: R
        try:
            result = cached(*args, **kwargs)
        except (OSError, EOFError, pickle.UnpicklingError):
            # The machine code could not be stored (a full disk) or read back.
            result = uncached(*args, **kwargs)
        return result

    return call


def kept_in(function: Callable[..., Any]) -> str | None:
    """The folder that keeps the machine code of a `compiled` function, None without one."""
    # numba's options do not change the folder.
    cached, _ = _dispatchers(function.__wrapped__, False)  # type: ignore[attr-defined]  # by wraps
    folder: str | None = cached.stats.cache_path
    return folder


@functools.cache
def _dispatchers(function: Callable[..., Any], as_written: bool) -> tuple[Any, Any]:
    """The dispatchers of `function`: one that stores its machine code, and one that does not."""
    import numba

    with _lock:
        _use_wide_vectors()
        while _to_inline:
            part = _to_inline.pop()
            # numba looks up the functions to inline among the globals of their callers.
            vars_of_module = part.__globals__
            vars_of_module[part.__name__] = numba.njit(inline="always", **_OPTIONS)(part)
        for stub, intrinsic in ((fused, _fused), (transposed, _transposed)):
            if function.__globals__.get(stub.__name__) is stub:
                function.__globals__[stub.__name__] = intrinsic()
        options = _AS_WRITTEN if as_written else _OPTIONS
        cached, uncached = (numba.njit(nogil=True, **options)(function) for _ in range(2))
    # "RuntimeError: cannot cache function" means that no folder is writable.
    with contextlib.suppress(RuntimeError):
        cached.enable_caching()
    return cached, uncached


@functools.cache
def _fused() -> Any:
    """`fused` as LLVM's instruction."""
    from numba.extending import intrinsic

    def typed(_typing: Any, factor: Any, other: Any, addend: Any) -> Any:
        def code(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
            return builder.fma(*args)

        return factor(factor, other, addend), code

    return intrinsic(typed)


@functools.cache
def _transposed() -> Any:
    """`transposed` as shuffles of vectors: four rounds of interleaving rows i and i + 8."""
    from llvmlite import ir  # type: ignore[import-untyped]  # it has no types
    from numba.core import types
    from numba.extending import intrinsic

    lanes = 16
    vector = ir.VectorType(ir.FloatType(), lanes)
    places = ir.VectorType(ir.IntType(32), lanes)
    low, high = (
        ir.Constant(places, [half + lane // 2 + lanes * (lane % 2) for lane in range(lanes)])
        for half in (0, lanes // 2)
    )

    def typed(
        _typing: Any, source: Any, _at: Any, _pitch: Any, target: Any, _target_at: Any, _step: Any
    ) -> Any:
        def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            def pointer(which: int, place: Any) -> Any:
                array = context.make_array(signature.args[which])(context, builder, args[which])
                return builder.bitcast(builder.gep(array.data, [place]), vector.as_pointer())

            rows, place = [], args[1]
            for _ in range(lanes):
                rows.append(builder.load(pointer(0, place), align=4))
                place = builder.add(place, args[2])
            for _ in range(4):
                pairs = list(zip(rows[: lanes // 2], rows[lanes // 2 :], strict=True))
                rows = [
                    builder.shuffle_vector(one, other, order)
                    for one, other in pairs
                    for order in (low, high)
                ]
            place = args[4]
            for row in rows:
                builder.store(row, pointer(3, place), align=4)
                place = builder.add(place, args[5])
            return context.get_dummy_value()

        unsigned = (types.uintp, types.uintp)
        return types.void(source, *unsigned, target, *unsigned), code

    return intrinsic(typed)


def _use_wide_vectors() -> None:
    """Use all 512 bits of a vector on processors that have them.

    LLVM keeps to 256 because older processors lowered their clock for 512. The
    metric takes 30 % less time with them. NUMBA_CPU_FEATURES and NUMBA_CPU_NAME
    in the environment win. Has no effect on a process that has used numba before.
    """
    from numba.core import codegen, config

    # config takes its names from the environment, where mypy sees none.
    if config.CPU_FEATURES is not None:  # type: ignore[attr-defined]
        return
    features = codegen.get_host_cpu_features()  # type: ignore[no-untyped-call]  # as numba is
    if _WIDE in features.split(","):
        config.CPU_FEATURES = features + _NO_NARROW  # type: ignore[attr-defined]
