"""What a request passes on its way to its work."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass

from autoquality_core.runtime.deadline import Deadline
from autoquality_server.admission import Admission
from autoquality_server.admission.semaphore import Turns
from autoquality_server.auth.caller import current_caller
from autoquality_server.auth.rates import Rates


@dataclass(frozen=True, slots=True)
class Gates:
    """Few read a header at a time, each caller has its rate, and all share the room there is."""

    headers: Turns
    megapixels: Rates
    admission: Admission

    def to_look(self, deadline: Deadline) -> AbstractContextManager[None]:
        """Hold a turn to read a header; raises DeadlinePassed, RequestCancelled."""
        return self.headers.take(deadline)

    def to_work(self, deadline: Deadline, pixels: int) -> AbstractContextManager[float]:
        """Hold a worker and so many pixels; gives the seconds spent waiting for them.

        Raises RateExceeded, Overloaded, DeadlinePassed, RequestCancelled.
        """
        self.megapixels.take(current_caller(), pixels / 1e6)
        return self.admission.admit(deadline, pixels)
