"""An image as imgproxy's networks see it: squeezed to a square of RGB."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from autoquality_core.images.pixels import Pixels

SIDE = 416
_WHITE = 255.0


def network_input(pixels: Pixels, side: int = SIDE) -> npt.NDArray[np.uint8]:
    """The first frame squeezed to `side` x `side`, alpha over white, grey as RGB.

    Returns the shape (side, side, 3), R first, 0 to 255. The aspect ratio is not
    kept. libvips' resize (Lanczos 3 down, cubic up) as imgproxy has it, so that
    networks made for imgproxy see what they were trained on.
    """
    frame = pixels.image.crop(0, 0, pixels.width, pixels.height)
    if pixels.has_alpha:
        frame = frame.flatten(background=[_WHITE] * (pixels.bands - 1))
    small = frame.resize(side / pixels.width, vscale=side / pixels.height).numpy()
    return np.broadcast_to(small.reshape(side, side, -1), (side, side, 3))
