"""The images in the boxes of a HEIF or AVIF."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
import pytest
import pyvips
from imagecodecs._avif import avif_encode

from autoquality_core.errors import InvalidImage
from autoquality_core.images import open_image
from autoquality_core.images.colour.cicp import from_codes
from autoquality_core.images.isobmff.meta import Meta
from tests.hostile import derived
from tests.hostile.derived import _box, _full, grid
from tests.images.files import AMPLE, SAVERS, corners, image_of


def items_file(
    items: list[tuple[int, bytes, int]],
    references: list[tuple[bytes, int, list[int]]] = [],  # noqa: B006 - not written to
    alternatives: list[int] = [],  # noqa: B006 - not written to
    property_box: bytes = b"",
    other_entries: bytes = b"",
    *,
    wide: bool = False,
) -> bytes:
    """The boxes of a HEIF whose primary image is 1: items are number, kind and flags.

    If `wide`, the numbers of items have 4 bytes.
    """
    size, version = ("I", 3) if wide else ("H", 2)
    entries = [
        _box(b"infe", struct.pack(f">I{size}H", version << 24 | flags, item, 0), kind, b"\0")
        for item, kind, flags in items
    ]
    uses = [
        _box(kind, struct.pack(f">{size}H{len(to)}{size}", origin, len(to), *to))
        for kind, origin, to in references
    ]
    group = struct.pack(f">II{len(alternatives)}I", 9, len(alternatives), *alternatives)
    return _full(
        b"meta",
        0,
        _full(b"pitm", wide, struct.pack(f">{size}", 1)),
        _full(b"iinf", wide, struct.pack(f">{size}", len(items)), *entries, other_entries),
        _full(b"iloc", 2 * wide, struct.pack(f">H{size}", 0, 0)),
        _full(b"iref", wide, *uses),
        _box(b"iprp", _box(b"ipco", property_box)),
        _box(b"grpl", _full(b"altr", 0, group)),
    )


@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize(
    ("items", "relations", "found"),
    [
        ([(1, b"av01", 0), (2, b"Exif", 1)], {}, (1, False)),
        ([(1, b"hvc1", 0), (2, b"hvc1", 0), (3, b"hvc1", 0)], {}, (3, False)),
        ([(1, b"av01", 0), (2, b"av01", 1)], {}, (1, False)),
        ([(1, b"av01", 0), (2, b"av01", 0)], {"references": [(b"thmb", 2, [1])]}, (1, False)),
        ([(1, b"av01", 0), (2, b"av01", 0)], {"references": [(b"auxl", 2, [1])]}, (1, False)),
        ([(1, b"grid", 0), (2, b"av01", 0)], {"references": [(b"dimg", 1, [2, 2])]}, (1, False)),
        ([(1, b"av01", 0), (2, b"av01", 0)], {"alternatives": [2, 1]}, (1, False)),
        (
            [(1, b"av01", 0), (2, b"av01", 0), (3, b"tmap", 0)],
            {"references": [(b"dimg", 3, [1, 2])]},
            (1, True),
        ),
        (
            [(1, b"hvc1", 0), (2, b"hvc1", 1)],
            {
                "references": [(b"auxl", 2, [1])],
                "property_box": _full(b"auxC", 0, b"urn:com:apple:photo:2020:aux:hdrgainmap\0"),
            },
            (1, True),
        ),
    ],
    ids=["one", "three", "hidden", "thumbnail", "mask", "grid", "alternative", "tmap", "apple"],
)
def test_images_shown_on_their_own_count(
    items: list[tuple[int, bytes, int]],
    relations: dict[str, Any],
    found: tuple[int, bool],
    wide: bool,
) -> None:
    meta = Meta.read(items_file(items, **relations, wide=wide))
    assert (meta.images(), meta.gain_map, meta.primary) == (*found, 1)


def test_entries_without_a_kind_and_other_boxes_are_no_images() -> None:
    entry = struct.pack(">HH", 2, 0), b"av01", b"\0"
    for other in (_full(b"infe", 1, *entry), _full(b"free", 2, *entry)):
        assert Meta.read(items_file([(1, b"av01", 0)], other_entries=other)).images() == 1


@pytest.mark.parametrize("length", range(6))
def test_a_file_whose_properties_end_too_early_is_unreadable(length: int) -> None:
    data = bytes(SAVERS["avif"](image_of(corners())))
    start = data.index(b"ipma") - 4
    (size,) = struct.unpack_from(">I", data, start)
    content = data[start + 8 : start + 8 + length]
    short = _box(b"ipma", content) + _box(b"free", bytes(size - 16 - length))
    with pytest.raises(InvalidImage):
        open_image(data[:start] + short + data[start + size :], AMPLE)


def test_a_grid_has_the_colours_of_its_tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also if only their AV1 says which."""
    samples = np.full((64, 64, 3), 90, np.uint8)
    tile = avif_encode(samples, primaries=9, transfer=16, codec="aom", speed=10, numthreads=1)
    at = tile.index(b"av1C") - 4
    configuration = tile[at : at + int.from_bytes(tile[at : at + 4], "big")]
    picture = tile[tile.index(b"mdat") + 4 :]
    monkeypatch.setattr(derived, "_picture", lambda _side: (configuration, picture))
    found = Meta.read(grid(2, 2, (128, 128), (128, 128))).colours()
    assert found is not None
    assert found == from_codes(9, 16)


def test_tiles_of_a_grid_are_not_pages_although_they_are_not_hidden() -> None:
    data = grid(2, 2, (100, 100), (100, 100))
    assert pyvips.Image.heifload_buffer(data).get("n-pages") > 1
    source = open_image(data, AMPLE)
    assert (source.frames, source.pages) == (1, 1)
