"""A deadline that passed is not a cancellation, although gRPC reports it as one."""

from __future__ import annotations

import pytest

from autoquality_core.errors import DeadlinePassed, RequestCancelled
from autoquality_core.runtime.deadline import Deadline


def test_a_call_that_ends_at_its_deadline_has_passed_its_deadline() -> None:
    deadline = Deadline(0.01)
    deadline.cancel()
    with pytest.raises(DeadlinePassed):
        deadline.check()


@pytest.mark.parametrize("seconds", [None, 60.0])
def test_a_call_that_ends_before_its_deadline_was_cancelled(seconds: float | None) -> None:
    deadline = Deadline(seconds)
    deadline.cancel()
    with pytest.raises(RequestCancelled):
        deadline.check()
