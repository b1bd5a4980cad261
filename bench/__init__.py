"""Benchmarks and checks, in processes that are set up like the server's.

OpenBLAS gets one thread, as in `autoquality-server`: its idle threads spin, and would count as
processor time. NumPy must not be imported before that.
"""

from __future__ import annotations

import os

from autoquality_core.runtime.allocator import limit_arenas

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
limit_arenas()
