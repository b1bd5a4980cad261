"""Errors of networks. Callers of the service never see them.

`NetworkError` stops the start of a server. `PredictionFailed` goes to the search
that asked for a prediction; it works without one.

    NetworkError
    `-- DeviceMissing        the requested device does not exist
    PredictionFailed
    `-- CircuitOpen          the network failed repeatedly and was not run
"""

from __future__ import annotations

from pathlib import Path

_LONGEST = 400


class NetworkError(Exception):
    """A network's file cannot be used. `str` is one line: the file and the reason."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(path, why)  # all arguments, or it cannot be unpickled
        self.path = path
        self.why = why

    def __str__(self) -> str:
        return f"{self.path}: {one_line(self.why)}"


class DeviceMissing(NetworkError):
    """The requested device does not exist here."""


class PredictionFailed(Exception):
    """A loaded network gave no usable answer for one image."""


class CircuitOpen(PredictionFailed):
    """The network failed repeatedly and is not run for a while."""


def one_line(text: str) -> str:
    """`text` without line breaks, at most 400 characters long."""
    folded = " ".join(text.split())
    return folded if len(folded) <= _LONGEST else folded[: _LONGEST - 1] + "…"
