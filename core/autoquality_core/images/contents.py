"""The contents of a file that libvips does not read: frames, further images, a gain map."""

from __future__ import annotations

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


def contents_of(
    data: Data, header: pyvips.Image, name: str, read: Meta | Jxl | None, most_frames: int
) -> tuple[int, bool, Animation | None]:
    """The contents of a file of format `name`, given the header that libvips has read.

    These are the number of images that a viewer shows on their own, frames included; whether there
    is a gain map; and an animation if they are frames that libvips does not read, or shows in
    another way than browsers. `read` has the boxes of a HEIF or AVIF, or a JPEG XL. The frames of
    an animation with more than `most_frames` are counted, but not checked. Raises ValueError for a
    HEIF or AVIF whose boxes cannot be followed.
    """
    if isinstance(read, Jxl):
        return read.pages, read.gain_map, read
    if read is not None:
        return _of_heif(data, header, read, most_frames)
    if name == "png":
        try:
            apng = read_apng(data, most_frames)
        except NotFollowedError as error:
            return max(error.frames, 1), False, None
        return 1 if apng is None else apng.frames, False, apng
    if name == "jpeg":
        return *find_images(data), None
    pages = int(header.get("n-pages")) if header.get_typeof("n-pages") else 1
    gif = None
    if name == "gif" and pages <= most_frames:
        gif = read_gif(data, header.width, header.height, pages, int(header.get("loop")))
    return pages, False, gif


def _of_heif(
    data: Data, header: pyvips.Image, meta: Meta, most_frames: int
) -> tuple[int, bool, Sequence | None]:
    sequence = read_sequence(data, most_frames)
    if sequence is None:
        return meta.images(), meta.gain_map, None
    same_size = sequence.sides == (header.width, header.height)
    animated = sequence.readable and same_size and sequence.frames > 1
    pages = max(meta.images(), sequence.frames)
    return pages, meta.gain_map, sequence if animated else None
