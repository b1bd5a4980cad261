"""What happens to a network while it serves, told to whoever counts."""

from __future__ import annotations

from typing import Protocol

from autoquality_core.networks.prediction import NetworkInfo
from autoquality_core.types import DropReason


class Events(Protocol):
    """Is told from several threads; must not block."""

    def ran(self, size: int, padding: int, seconds: float) -> None:
        """One run of `size` images and `padding` rows to fill the batch."""

    def waited(self, seconds: float) -> None:
        """An image waited so long for its run to begin."""

    def failed(self) -> None:
        """An image got no usable answer."""

    def left(self, why: DropReason) -> None:
        """An image left the queue, or was not let in."""

    def reloaded(self, ok: bool) -> None:
        """A changed file was taken, or refused."""

    def serving(self, info: NetworkInfo, available: bool) -> None:
        """Which network serves from now on, and whether it is asked at all."""


class NoEvents:
    """Tells nobody."""

    def ran(self, size: int, padding: int, seconds: float) -> None:
        pass

    def waited(self, seconds: float) -> None:
        pass

    def failed(self) -> None:
        pass

    def left(self, why: DropReason) -> None:
        pass

    def reloaded(self, ok: bool) -> None:
        pass

    def serving(self, info: NetworkInfo, available: bool) -> None:
        pass
