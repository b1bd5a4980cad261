"""What a file holds besides the image that libvips reads: frames, further images, a gain map."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias, cast

import numpy as np
import pyvips

from autoquality_core.images.colour.linear_light import Samples
from autoquality_core.images.isobmff.items import read_items
from autoquality_core.images.isobmff.sequence import Sequence, read_sequence
from autoquality_core.images.jpeg_parts import read_parts
from autoquality_core.images.png.apng import Apng, NotFollowedError, read_apng
from autoquality_core.images.source_formats import load
from autoquality_core.types import Data

Animation: TypeAlias = Apng | Sequence


class DamagedFramesError(Exception):
    """An animation is damaged or truncated."""


@dataclass(frozen=True, slots=True)
class Contents:
    """`pages` counts the images of the file that can be seen on their own, frames included.

    `animation` is set where they are frames that libvips does not read, as the
    formats are that it takes for still ones.
    """

    pages: int
    gain_map: bool = False
    animation: Animation | None = None

    @property
    def frames(self) -> int:
        """The frames that `decode_animation` gives; 1 without it."""
        return 1 if self.animation is None else self.animation.frames


def contents_of(data: Data, header: pyvips.Image, name: str, most_frames: int) -> Contents:
    """Look at the structure of a file of format `name`, whose header libvips has read.

    `most_frames` are allowed; more are counted, and not looked at. Raises
    ValueError for a HEIF or AVIF that cannot be followed.
    """
    if name == "png":
        try:
            apng = read_apng(data, most_frames)
        except NotFollowedError as error:
            return Contents(max(error.frames, 1))
        return Contents(1) if apng is None else Contents(apng.frames, animation=apng)
    if name == "jpeg":
        parts = read_parts(data)
        return Contents(parts.images, parts.gain_map)
    if name in ("avif", "heif"):
        items = read_items(data)
        sequence = read_sequence(data, most_frames)
        if sequence is None:
            return Contents(items.images, items.gain_map)
        fits = sequence.readable and (sequence.width, sequence.height) == _sides(header)
        animation = sequence if fits and sequence.frames > 1 else None
        return Contents(max(items.images, sequence.frames), items.gain_map, animation)
    return Contents(int(header.get("n-pages")) if header.get_typeof("n-pages") else 1)


def decode_animation(
    animation: Animation,
    data: Data,
    count: int,
    channels: int,
    to_samples: Callable[[pyvips.Image], Samples],
) -> tuple[Samples, tuple[int, ...]] | None:
    """The samples of the first `count` frames, not premultiplied, and their durations in ms.

    (frames, height, width, bands) of 8 or 16 bits, in the colours of the file,
    which have so many `channels` (1 or 3). `to_samples` gives (height, width,
    bands) of a PNG. None for what cannot be read as an animation here. Raises
    DamagedFramesError, and what `to_samples` raises.
    """
    try:
        if isinstance(animation, Apng):
            return animation.decode(count, lambda png: to_samples(load(png, "png")))
        found = animation.decode(data)
    except ValueError:
        raise DamagedFramesError from None
    if found is None:
        return None
    samples, delays = found
    if samples.shape[-1] == 1 and channels == 3:  # libvips has a grey AVIF in colours
        samples = cast("Samples", np.repeat(samples, 3, axis=-1))
    return (samples, delays) if samples.shape[-1] in (channels, channels + 1) else None


def replaces_still(animation: Animation) -> bool:
    """Whether the image that libvips reads is none of the frames, and no browser shows it."""
    return isinstance(animation, Apng) and animation.separate_default


def _sides(header: pyvips.Image) -> tuple[int, int]:
    return header.width, header.height
