"""What can go wrong with a network; none of it is meant for a caller's eyes.

`NetworkError` is for whoever starts the server and stops the start;
`PredictionFailed` is for whoever asked for a prediction, who can do without.

    NetworkError
    `-- DeviceMissing        the device that was asked for is not there
    PredictionFailed
    `-- CircuitOpen       not asked: the network failed repeatedly
"""

from __future__ import annotations

from pathlib import Path

_LONGEST = 400


class NetworkError(Exception):
    """A network's file cannot be used. `str` is one line: the file and what is wrong."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(f"{path}: {one_line(why)}")
        self.path = path


class DeviceMissing(NetworkError):
    """The network may be fine, but was to run on a device that is not there."""


class PredictionFailed(Exception):
    """A network that had loaded well gave no usable answer for one image."""


class CircuitOpen(PredictionFailed):
    """The network failed so often in a row that it is left alone for a while."""


def one_line(text: str) -> str:
    """`text` with its line breaks folded, cut where it rambles on."""
    folded = " ".join(text.split())
    return folded if len(folded) <= _LONGEST else folded[: _LONGEST - 1] + "…"
