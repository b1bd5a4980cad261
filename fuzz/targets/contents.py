"""Our own readers of frames, further images and gain maps: they raise at most ValueError."""

from __future__ import annotations

from autoquality_core.images.gif import read_gif
from autoquality_core.images.isobmff.meta import Meta
from autoquality_core.images.isobmff.sequence import read_sequence
from autoquality_core.images.jpeg import find_images
from autoquality_core.images.metadata.xmp import without_announcements
from autoquality_core.images.png.apng import NotFollowedError, read_apng
from fuzz.targets import Target

MOST_FRAMES = 20


def run(data: bytes) -> None:
    """Give the input to every reader: in the server, libvips chooses one."""
    try:
        apng = read_apng(data, MOST_FRAMES)
        assert apng is None or apng.frames >= len(apng.parts)
    except NotFollowedError as error:
        assert error.frames >= 0
    gif = read_gif(data, 64, 64, MOST_FRAMES, 0)
    assert gif is None or gif.frames == MOST_FRAMES
    assert find_images(data)[0] >= 1
    for read in (images_of, lambda boxes: read_sequence(boxes, MOST_FRAMES)):
        try:
            read(data)
        except ValueError:
            pass
    kept = without_announcements(data)
    assert kept is None or len(kept) <= len(data)


def images_of(data: bytes) -> None:
    """Follow the boxes of a HEIF or AVIF. Raises ValueError if they are damaged."""
    meta = Meta.read(data)
    assert meta.images() >= 1
    meta.colours()
    assert meta.decoded_pixels >= 1


TARGET = Target(run)
