"""What is measured, in processes set up as the server's is.

NumPy's linear algebra is kept to one thread, as `autoquality-server` keeps it:
its idle threads spin, and would be counted as time of whatever ran. That has to
be said before NumPy is imported.
"""

from __future__ import annotations

from autoquality_core.runtime.allocator import limit_arenas
from autoquality_server.process import limit_blas_threads

limit_blas_threads()
limit_arenas()
