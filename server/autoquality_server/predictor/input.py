"""An image as a network sees it: 416 x 416 RGB."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from autoquality_server.image.pixels import Pixels

SIDE = 416
_WHITE = 255.0


def network_input(pixels: Pixels) -> npt.NDArray[np.uint8]:
    """The first frame squeezed to 416 x 416, alpha over white, grey as RGB.

    Returns the shape (416, 416, 3), R first, 0 to 255. The aspect ratio is not
    kept. libvips' resize (Lanczos 3 down, cubic up) as imgproxy has it, so that
    networks made for imgproxy see what they were trained on.
    """
    frame = pixels.image.crop(0, 0, pixels.width, pixels.height)
    if pixels.has_alpha:
        frame = frame.flatten(background=[_WHITE] * (pixels.bands - 1))
    small = frame.resize(SIDE / pixels.width, vscale=SIDE / pixels.height).numpy()
    return np.broadcast_to(small.reshape(SIDE, SIDE, -1), (SIDE, SIDE, 3))
