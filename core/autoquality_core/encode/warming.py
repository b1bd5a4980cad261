"""What the first request would otherwise wait for."""

from __future__ import annotations

from autoquality_core import images
from autoquality_core.images import hidden
from autoquality_core.metrics import dssim
from autoquality_core.priors import features


def warm_up() -> None:
    """Compile the loops of colours, metric and sketch, or load them from numba's cache."""
    images.warm_up()
    dssim.warm_up()
    hidden.warm_up()
    features.warm_up()
