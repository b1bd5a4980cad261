"""`python -m bench.with_tensorflow`: the server, with TensorFlow for the bundled networks too."""

from __future__ import annotations

import sys

from autoquality_core.networks import loading
from autoquality_core.networks.graph_file import Unsupported
from autoquality_server.__main__ import main


class _Never:
    """Takes the place of the backend for NumPy."""

    def __init__(self, *_: object) -> None:
        raise Unsupported("NumPy is not to be used")


if __name__ == "__main__":
    setattr(loading, "NumPyGraph", _Never)  # noqa: B010 - mypy allows no other assignment
    sys.exit(main())
