"""What the first request would otherwise wait for."""

from __future__ import annotations

from autoquality_server import dssim, image
from autoquality_server.image import hidden
from autoquality_server.methods import sketch


def warm_up() -> None:
    """Compile the loops of colours, metric and sketch, or load them from numba's cache."""
    image.warm_up()
    dssim.warm_up()
    hidden.warm_up()
    sketch.warm_up()
