"""What the values of one gauge in several processes come to.

Counters and histograms are summed. A gauge may mean anything, so each has its
rule here; a test looks whether one is missing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeAlias

Rule: TypeAlias = Callable[[Iterable[float]], float]

GAUGES: dict[str, Rule] = {
    # How much there is, and how much of it is in use.
    "autoquality_workers": sum,
    "autoquality_queue_size": sum,
    "autoquality_requests_in_flight": sum,
    "autoquality_requests_queued": sum,
    "autoquality_pixels_in_flight": sum,
    "autoquality_uploads_in_flight": sum,
    "autoquality_processes": sum,
    "autoquality_processes_ready": sum,
    "process_virtual_memory_bytes": sum,
    "process_resident_memory_bytes": sum,
    "process_open_fds": sum,
    # What all have in common.
    "autoquality_memory_limit_bytes": max,
    "autoquality_build_info": max,
    "autoquality_predictor_info": max,
    "python_info": max,
    # What is only as good as the worst.
    "autoquality_predictor_available": min,
    "process_max_fds": min,
    # The server has run since its first process began, the supervisor.
    "process_start_time_seconds": min,
}

CREATED = "_created"
"""How the moments end at which counters and histograms began: the first counts."""
