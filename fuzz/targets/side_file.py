"""The side file of a network: it is read, or refused by a NetworkError of one line."""

from __future__ import annotations

import tempfile
from pathlib import Path

from autoquality_core.networks.errors import NetworkError
from autoquality_core.networks.side_file import read_side_file, side_path
from fuzz.targets import Target

_NETWORK = Path(tempfile.mkdtemp(prefix="fuzz-side-file-")) / "network.pb"


def run(data: bytes) -> None:
    """Write it next to a network and read it."""
    file = side_path(_NETWORK)
    file.write_bytes(data)
    try:
        side = read_side_file(_NETWORK)
    except NetworkError as error:
        message = str(error)
        assert message.startswith(str(file)) and message.isprintable(), f"not one line: {message!r}"
        return
    assert side is not None
    assert side.name and side.tensors["image"]
    assert all(head.targets[0] <= head.targets[1] for head in side.heads.values())


TARGET = Target(run)
