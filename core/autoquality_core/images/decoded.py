"""The pixels of a file that an encoder wrote, as a metric takes them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class Decoded:
    """Samples of the shape (stored frames, height, width, bands), 8 bits, bands as in `Pixels`.

    An encoder may merge equal frames: `shown` has the index of the stored frame for each frame
    of the source, and is None where the two are the same.
    """

    samples: npt.NDArray[np.uint8]
    shown: npt.NDArray[np.intp] | None = None
