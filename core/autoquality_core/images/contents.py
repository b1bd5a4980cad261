"""The contents of a file that libvips does not read: frames, further images, a gain map."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from autoquality_core.images.gif import Gif, read_gif
from autoquality_core.images.isobmff.meta import Meta
from autoquality_core.images.isobmff.sequence import Sequence, read_sequence
from autoquality_core.images.jpeg import find_images
from autoquality_core.images.jxl.file import Jxl
from autoquality_core.images.png.apng import Apng, NotFollowedError, read_apng
from autoquality_core.runtime.codecs import pyvips
from autoquality_core.types import Data

Animation: TypeAlias = Apng | Gif | Sequence | Jxl


@dataclass(frozen=True, slots=True)
class Contents:
    """`pages` counts the images that a viewer shows on their own, frames included.

    `animation` is set if they are frames that libvips does not read, or shows in another way than
    browsers.
    """

    pages: int
    gain_map: bool = False
    animation: Animation | None = None

    @property
    def frames(self) -> int:
        return 1 if self.animation is None else self.animation.frames


def contents_of(
    data: Data, header: pyvips.Image, name: str, read: Meta | Jxl | None, most_frames: int
) -> Contents:
    """The contents of a file of format `name`, given the header that libvips has read.

    `read` has the boxes of a HEIF or AVIF, or a JPEG XL. The frames of an animation with more than
    `most_frames` are counted, but not checked. Raises ValueError for a HEIF or AVIF
    whose boxes cannot be followed.
    """
    if isinstance(read, Jxl):
        return Contents(read.pages, read.gain_map, read)
    if read is not None:
        return _of_heif(data, header, read, most_frames)
    if name == "png":
        try:
            apng = read_apng(data, most_frames)
        except NotFollowedError as error:
            return Contents(max(error.frames, 1))
        return Contents(1) if apng is None else Contents(apng.frames, animation=apng)
    if name == "jpeg":
        found = find_images(data)
        return Contents(found.images, found.gain_map)
    pages = int(header.get("n-pages")) if header.get_typeof("n-pages") else 1
    gif = None
    if name == "gif" and pages <= most_frames:
        gif = read_gif(data, header.width, header.height, pages, int(header.get("loop")))
    return Contents(pages, animation=gif)


def _of_heif(data: Data, header: pyvips.Image, meta: Meta, most_frames: int) -> Contents:
    sequence = read_sequence(data, most_frames)
    if sequence is None:
        return Contents(meta.images(), meta.gain_map)
    same_size = sequence.sides == (header.width, header.height)
    animated = sequence.readable and same_size and sequence.frames > 1
    pages = max(meta.images(), sequence.frames)
    return Contents(pages, meta.gain_map, sequence if animated else None)
