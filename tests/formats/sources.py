"""Pixels to encode: parts of a photograph, with and without alpha, grey, animated."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from autoquality_core.formats import Encoder
from autoquality_core.images import Pixels, luma_planes, open_image
from tests.images.files import AMPLE
from tests.photos import crop, photo


def photograph(width: int = 96, height: int = 64) -> Pixels:
    """The middle of a colourful photograph."""
    return open_image(crop("coffee.png", width, height), AMPLE).decode(all_frames=False)


def grey() -> Pixels:
    """A photograph of a page, in one band."""
    pixels = open_image(photo("page.png"), AMPLE).decode(all_frames=False)
    return Pixels(pixels.samples[:, :64, :96].copy())


def translucent(bands: int = 4) -> Pixels:
    """A photograph that fades out to the right; grey with 2 bands."""
    base = (photograph() if bands == 4 else grey()).samples
    fade = np.linspace(255, 0, base.shape[2]).astype(np.uint8)
    alpha = np.broadcast_to(fade[:, np.newaxis], (*base.shape[:3], 1))
    return Pixels(np.concatenate([base, alpha], axis=-1))


def moving(delays: tuple[int, ...] = (80, 120, 200), bands: int = 3) -> Pixels:
    """A photograph that moves by 8 pixels a frame."""
    still = (photograph() if bands == 3 else translucent()).samples[0]
    frames = [np.roll(still, 8 * number, axis=1) for number in range(len(delays))]
    return Pixels(np.stack(frames), delays)


def decoded_luma(encoder: Encoder, data: bytes, pixels: Pixels) -> npt.NDArray[np.uint8]:
    """The luma (surfaces, frames, height, width) of a file that `encoder` made of `pixels`."""
    decoded = encoder.decode(data, pixels)
    planes = luma_planes(decoded.samples, over_backgrounds=pixels.has_alpha)
    return planes if decoded.shown is None else planes[:, decoded.shown]
