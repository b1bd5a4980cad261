"""NumPy's linear algebra kept on one core."""

from __future__ import annotations

import os

_VARIABLE = "OPENBLAS_NUM_THREADS"


def limit_threads() -> None:
    """Have OpenBLAS compute in the thread that asks; for the start, before NumPy is imported.

    The matrices here are 100 x 100. OpenBLAS would spread them over all cores,
    and its threads spin while they wait for the next: more CPU time than the
    prediction that it is for. The variable in the environment wins.
    """
    os.environ.setdefault(_VARIABLE, "1")
