"""What a file holds besides the image that libvips reads: frames, further images, a gain map."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias, cast

import numpy as np
import pyvips

from autoquality_core.images.colour.linear_light import Samples
from autoquality_core.images.isobmff.meta import Meta
from autoquality_core.images.isobmff.sequence import Sequence, read_sequence
from autoquality_core.images.jpeg import find_images
from autoquality_core.images.loaders import load
from autoquality_core.images.png.apng import Apng, NotFollowedError, read_apng
from autoquality_core.types import Data

Animation: TypeAlias = Apng | Sequence


class DamagedFramesError(Exception):
    """An animation is damaged or truncated."""


@dataclass(frozen=True, slots=True)
class Contents:
    """`pages` counts the images that a viewer shows on their own, frames included.

    `animation` is set if they are frames that libvips does not read: it takes such a
    file for a still image.
    """

    pages: int
    gain_map: bool = False
    animation: Animation | None = None

    @property
    def frames(self) -> int:
        """The number of frames of `animation`, 1 without it."""
        return 1 if self.animation is None else self.animation.frames


def contents_of(
    data: Data, header: pyvips.Image, name: str, meta: Meta | None, most_frames: int
) -> Contents:
    """The contents of a file of format `name`, given the header that libvips has read.

    `meta` is that of a HEIF or AVIF. The frames of an animation with more than
    `most_frames` are counted, but not checked. Raises ValueError for a HEIF or AVIF
    whose boxes cannot be followed.
    """
    if meta is not None:
        return _of_heif(data, header, meta, most_frames)
    if name == "png":
        try:
            apng = read_apng(data, most_frames)
        except NotFollowedError as error:
            return Contents(max(error.frames, 1))
        return Contents(1) if apng is None else Contents(apng.frames, animation=apng)
    if name == "jpeg":
        found = find_images(data)
        return Contents(found.images, found.gain_map)
    return Contents(int(header.get("n-pages")) if header.get_typeof("n-pages") else 1)


def _of_heif(data: Data, header: pyvips.Image, meta: Meta, most_frames: int) -> Contents:
    sequence = read_sequence(data, most_frames)
    if sequence is None:
        return Contents(meta.images(), meta.gain_map)
    same_size = (sequence.width, sequence.height) == (header.width, header.height)
    animated = sequence.readable and same_size and sequence.frames > 1
    pages = max(meta.images(), sequence.frames)
    return Contents(pages, meta.gain_map, sequence if animated else None)


def decode_animation(
    animation: Animation,
    data: Data,
    count: int,
    channels: int,
    to_samples: Callable[[pyvips.Image], Samples],
) -> tuple[Samples, tuple[int, ...]] | None:
    """The samples of the first `count` frames, and their durations in milliseconds.

    The samples are (frames, height, width, bands) of 8 or 16 bits, in the colours of the
    file, which have 1 or 3 `channels`, and are not premultiplied. `to_samples` gives
    (height, width, bands) of a PNG. None if this is not supported. Raises
    DamagedFramesError, and errors of `to_samples`.
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
    if samples.shape[-1] == 1 and channels == 3:  # libvips reads a grey AVIF as RGB
        samples = cast("Samples", np.repeat(samples, 3, axis=-1))
    return (samples, delays) if samples.shape[-1] in (channels, channels + 1) else None


def replaces_still(animation: Animation) -> bool:
    """Whether the image that libvips reads is not one of the frames, and browsers hide it."""
    return isinstance(animation, Apng) and animation.separate_default
