"""Our parsers for frames, further images and gain maps, which raise only ValueError."""

from __future__ import annotations

from autoquality_core.images.isobmff.items import read_items
from autoquality_core.images.isobmff.sequence import read_sequence
from autoquality_core.images.jpeg_parts import read_parts
from autoquality_core.images.metadata.xmp import without_announcements
from autoquality_core.images.png.apng import NotFollowedError, read_apng
from fuzz.targets import Target

MOST_FRAMES = 20


def run(data: bytes) -> None:
    """Run every parser: libvips detects the format, so any parser may get any file."""
    try:
        apng = read_apng(data, MOST_FRAMES)
        assert apng is None or apng.frames >= len(apng.parts)
    except NotFollowedError as error:
        assert error.frames >= 0
    assert read_parts(data).images >= 1
    for read in (read_items, lambda boxes: read_sequence(boxes, MOST_FRAMES)):
        try:
            read(data)
        except ValueError:
            pass
    kept = without_announcements(data)
    assert kept is None or len(kept) <= len(data)


TARGET = Target(run)
