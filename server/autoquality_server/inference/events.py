"""The events of a shared predictor, for the metrics."""

from __future__ import annotations

from typing import Protocol

from autoquality_core.networks.prediction import NetworkInfo
from autoquality_core.types import DropReason


class PredictorEvents(Protocol):
    """Receives the events of one predictor, from several threads. Must not block.

    Subclasses inherit methods that do nothing.
    """

    def ran(self, size: int, padding: int, seconds: float) -> None:
        """The network ran `size` images, with `padding` rows to fill the batch."""
        return

    def waited(self, seconds: float) -> None:
        """An image waited in the queue for this time."""
        return

    def failed(self) -> None:
        """An image got no usable answer."""
        return

    def dropped(self, reason: DropReason) -> None:
        """An image left the queue without a prediction, or was refused."""
        return

    def reloaded(self, ok: bool) -> None:
        """A changed file was loaded, or refused."""
        return

    def serving(self, info: NetworkInfo, available: bool) -> None:
        """The network in use, or whether it is available, has changed."""
        return


class NoEvents(PredictorEvents):
    """Ignores all events."""
