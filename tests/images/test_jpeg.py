"""Further images in a JPEG, and gain maps."""

from __future__ import annotations

import pytest

from autoquality_core.images import open_image
from autoquality_core.images.jpeg import find_images
from tests.images.files import AMPLE
from tests.images.films import ISO, JPEG, XMP, XMP_HEAD, mpf, segment


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (JPEG, (1, False)),
        (mpf([JPEG, JPEG, JPEG]), (3, False)),
        (mpf([JPEG, JPEG], segments=[ISO]), (2, True)),
        (mpf([JPEG, JPEG], segments=[(0xE1, XMP_HEAD + XMP)]), (2, True)),
        (mpf([JPEG, JPEG[:2] + segment(*ISO) + JPEG[2:]]), (2, True)),
        (JPEG[:2] + segment(*ISO) + JPEG[2:] + JPEG, (2, True)),
    ],
    ids=["one", "three", "ISO", "Ultra HDR", "in the second", "without an index"],
)
def test_images_in_the_index_and_gain_maps_count(data: bytes, expected: tuple[int, bool]) -> None:
    assert find_images(data) == expected
    source = open_image(data, AMPLE)
    assert (source.frames, source.pages, source.gain_map) == (1, *expected)


def test_previews_and_missing_images_do_not_count() -> None:
    assert find_images(mpf([JPEG, JPEG, JPEG], [0x030000, 0x010001, 0x010002]))[0] == 1
    whole = mpf([JPEG, JPEG])
    assert find_images(whole[: -len(JPEG)])[0] == 1


@pytest.mark.parametrize("kind", [0x020001, 0x020002, 0x020003])
def test_views_of_a_panorama_of_two_eyes_and_of_several_angles_count(kind: int) -> None:
    assert find_images(mpf([JPEG, JPEG, JPEG], [0x030000, kind, kind]))[0] == 3


@pytest.mark.parametrize("length", range(0, 90, 7))
def test_a_truncated_index_names_no_images(length: int) -> None:
    index = mpf([JPEG, JPEG])[6 : 6 + length]
    data = JPEG[:2] + segment(0xE2, index) + JPEG[2:]
    assert find_images(data)[0] in (1, 2)
    assert find_images(JPEG[:2] + segment(0xE2, b"MPF\0" + b"\xff" * length))[0] == 1
