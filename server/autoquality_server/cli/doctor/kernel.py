"""The metric's compiled code: there, or made now, and kept."""

from __future__ import annotations

import time

from autoquality_core.encode.pipeline import warm_up
from autoquality_core.metrics.dssim.reference import cache_folder
from autoquality_server.cli.doctor.finding import Finding, Verdict


def look() -> Finding:
    """Compile or load the metric as the server does before it says SERVING."""
    start = time.perf_counter()
    warm_up()
    seconds = time.perf_counter() - start
    folder = cache_folder()
    if folder is None:
        text = f"compiled in {seconds:.1f} s, and anew at every start: set NUMBA_CACHE_DIR"
        return Finding("metric", Verdict.WARNING, f"{text} to a folder that can be written to")
    return Finding("metric", Verdict.OK, f"ready in {seconds:.1f} s, kept in {folder}")
