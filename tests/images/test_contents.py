"""Images besides the one that is encoded: which count, and what is said of them in XMP."""

from __future__ import annotations

import struct

import numpy as np
import pytest
import pyvips

from autoquality_core.images import open_image
from autoquality_core.images.isobmff.items import Items, read_items
from autoquality_core.images.jpeg_parts import Parts, read_parts
from autoquality_core.images.metadata.xmp import without_announcements
from tests.hostile.derived import _box, _full, grid
from tests.images.files import AMPLE, SAVERS, corners, image_of
from tests.images.films import mpf, segment

JPEG = bytes(SAVERS["jpeg"](image_of(corners())))
GAIN_MAP = b"http://ns.adobe.com/hdr-gain-map/1.0/"
ISO = (0xE2, b"urn:iso:std:iso:ts:21496:-1\0" + bytes(4))
XMP_HEAD = b"http://ns.adobe.com/xap/1.0/\0"
RDF = b'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"'
TITLE = b"<dc:title>kept</dc:title>"
XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF ' + RDF + b"><rdf:Description"
    b' xmlns:hdrgm="' + GAIN_MAP + b'" xmlns:dc="http://purl.org/dc/elements/1.1/"'
    b" xmlns:C='http://ns.google.com/photos/1.0/container/'"
    b' xmlns:Item="http://ns.google.com/photos/1.0/container/item/"'
    b' hdrgm:Version="1.0" dc:format="1 > 0">'
    b'<C:Directory><rdf:Seq><rdf:li><C:Item Item:Semantic="GainMap"/></rdf:li></rdf:Seq>'
    b"</C:Directory><hdrgm:Gamma/>" + TITLE + b"</rdf:Description></rdf:RDF></x:xmpmeta>"
)


class TestJpeg:
    @pytest.mark.parametrize(
        ("data", "parts"),
        [
            (JPEG, Parts(1, False)),
            (mpf([JPEG, JPEG, JPEG]), Parts(3, False)),
            (mpf([JPEG, JPEG], segments=[ISO]), Parts(2, True)),
            (mpf([JPEG, JPEG], segments=[(0xE1, XMP_HEAD + XMP)]), Parts(2, True)),
            (mpf([JPEG, JPEG[:2] + segment(*ISO) + JPEG[2:]]), Parts(2, True)),
            (JPEG[:2] + segment(*ISO) + JPEG[2:] + JPEG, Parts(2, True)),
        ],
        ids=["one", "three", "ISO", "Ultra HDR", "in the second", "without an index"],
    )
    def test_images_of_the_index_and_gain_maps_count(self, data: bytes, parts: Parts) -> None:
        assert read_parts(data) == parts
        source = open_image(data, AMPLE)
        assert (source.frames, source.pages, source.gain_map) == (1, parts.images, parts.gain_map)

    def test_previews_and_images_that_were_cut_off_do_not(self) -> None:
        assert read_parts(mpf([JPEG, JPEG, JPEG], [0x030000, 0x010001, 0x010002])).images == 1
        whole = mpf([JPEG, JPEG])
        assert read_parts(whole[: -len(JPEG)]).images == 1

    @pytest.mark.parametrize("length", range(0, 90, 7))
    def test_an_index_that_ends_early_names_none(self, length: int) -> None:
        index = mpf([JPEG, JPEG])[6 : 6 + length]
        data = JPEG[:2] + segment(0xE2, index) + JPEG[2:]
        assert read_parts(data).images in (1, 2)
        assert read_parts(JPEG[:2] + segment(0xE2, b"MPF\0" + b"\xff" * length)).images == 1


def items_file(
    items: list[tuple[int, bytes, int]],
    references: list[tuple[bytes, int, list[int]]] = [],  # noqa: B006 - not written to
    alternatives: list[int] = [],  # noqa: B006 - not written to
    property_box: bytes = b"",
) -> bytes:
    """The boxes of a HEIF whose primary image is 1: items are number, kind and flags."""
    entries = [
        _box(b"infe", struct.pack(">IHH", 2 << 24 | flags, item, 0), kind, b"\0")
        for item, kind, flags in items
    ]
    uses = [
        _box(kind, struct.pack(f">HH{len(to)}H", origin, len(to), *to))
        for kind, origin, to in references
    ]
    group = struct.pack(f">II{len(alternatives)}I", 9, len(alternatives), *alternatives)
    return _full(
        b"meta",
        0,
        _full(b"pitm", 0, struct.pack(">H", 1)),
        _full(b"iinf", 0, struct.pack(">H", len(items)), *entries),
        _full(b"iref", 0, *uses),
        _box(b"iprp", _box(b"ipco", property_box)),
        _box(b"grpl", _full(b"altr", 0, group)),
    )


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (items_file([(1, b"av01", 0), (2, b"Exif", 1)]), Items(1, False)),
        (items_file([(1, b"hvc1", 0), (2, b"hvc1", 0), (3, b"hvc1", 0)]), Items(3, False)),
        (items_file([(1, b"av01", 0), (2, b"av01", 1)]), Items(1, False)),
        (items_file([(1, b"av01", 0), (2, b"av01", 0)], [(b"thmb", 2, [1])]), Items(1, False)),
        (items_file([(1, b"av01", 0), (2, b"av01", 0)], [(b"auxl", 2, [1])]), Items(1, False)),
        (
            items_file([(1, b"grid", 0), (2, b"av01", 0)], [(b"dimg", 1, [2, 2])]),
            Items(1, False),
        ),
        (items_file([(1, b"av01", 0), (2, b"av01", 0)], alternatives=[2, 1]), Items(1, False)),
        (
            items_file([(1, b"av01", 0), (2, b"av01", 0), (3, b"tmap", 0)], [(b"dimg", 3, [1, 2])]),
            Items(1, True),
        ),
        (
            items_file(
                [(1, b"hvc1", 0), (2, b"hvc1", 1)],
                [(b"auxl", 2, [1])],
                property_box=_full(b"auxC", 0, b"urn:com:apple:photo:2020:aux:hdrgainmap\0"),
            ),
            Items(1, True),
        ),
    ],
    ids=["one", "three", "hidden", "thumbnail", "mask", "grid", "alternative", "tmap", "apple"],
)
def test_images_that_stand_on_their_own_count(data: bytes, found: Items) -> None:
    assert read_items(data) == found


def test_the_tiles_of_a_grid_are_no_pages_though_they_are_not_hidden() -> None:
    data = grid(2, 2, (100, 100), (100, 100))
    assert pyvips.Image.heifload_buffer(data).get("n-pages") > 1
    source = open_image(data, AMPLE)
    assert (source.frames, source.pages) == (1, 1)


class TestXmp:
    def test_announcements_are_cut_out_and_the_rest_stays_byte_for_byte(self) -> None:
        kept = without_announcements(XMP)
        assert kept is not None
        assert not any(word in kept for word in (b"hdrgm", b"C:", b"GainMap", b"Item", b"google"))
        assert b'dc:format="1 > 0"' in kept and TITLE in kept
        assert without_announcements(kept) == kept

    def test_other_xmp_is_left_as_it_is(self) -> None:
        for xmp in (XMP.replace(GAIN_MAP, b"urn:x").replace(b"google", b"x"), b"no XML", b""):
            assert without_announcements(xmp) == xmp

    @pytest.mark.parametrize(
        "xmp",
        [
            XMP[:-4],
            b"<!DOCTYPE x>" + XMP,
            XMP.decode().encode("utf-16-le"),
            XMP.replace(b"<C:Directory>", b'<C:Directory xmlns:hdrgm="urn:other">'),
        ],
        ids=["cut", "document type", "UTF-16", "two meanings"],
    )
    def test_what_cannot_be_cut_is_left_out_as_a_whole(self, xmp: bytes) -> None:
        assert without_announcements(xmp) is None

    @pytest.mark.parametrize("fmt", ["jpeg", "png", "webp"])
    def test_it_is_kept_without_them_whatever_the_format(self, fmt: str) -> None:
        image = image_of(np.zeros((16, 16, 3), np.uint8))
        image.set_type(pyvips.GValue.blob_type, "xmp-data", XMP)
        source = open_image(SAVERS[fmt](image), AMPLE)
        xmp = source.metadata(everything=True, copyright_too=False).xmp
        assert TITLE in xmp and b"hdrgm" not in xmp
