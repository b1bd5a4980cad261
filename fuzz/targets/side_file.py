"""The side file of a network: read, or refused by NetworkError in one line that names it."""

from __future__ import annotations

import tempfile
from pathlib import Path

from autoquality_core.networks.errors import NetworkError
from autoquality_core.networks.side_file import read_side_file, side_path
from fuzz.targets import Target

_NETWORK = Path(tempfile.mkdtemp(prefix="fuzz-side-file-")) / "network.pb"


def run(data: bytes) -> None:
    """Put it beside a network and read it."""
    beside = side_path(_NETWORK)
    beside.write_bytes(data)
    try:
        side = read_side_file(_NETWORK)
    except NetworkError as error:
        told = str(error)
        assert told.startswith(str(beside)) and told.isprintable(), f"not one line: {told!r}"
        return
    assert side is not None
    assert side.name and side.tensors.image and side.targets[0] <= side.targets[1]


TARGET = Target(run)
