"""How long a call's caller waits."""

from __future__ import annotations

import grpc

from autoquality_core.runtime.deadline import Deadline

NO_DEADLINE_SECONDS = 1e9
"""Without a deadline grpc's `time_remaining` is about 9e18 rather than None."""


def deadline_of(context: grpc.ServicerContext) -> Deadline:
    """The caller's deadline and cancellation."""
    remaining = context.time_remaining()
    deadline = Deadline(remaining if remaining < NO_DEADLINE_SECONDS else None)
    if not context.add_callback(deadline.cancel):
        deadline.cancel()  # the call had ended before the callback could be set
    return deadline
