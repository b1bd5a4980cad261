"""What keep_metadata keeps, from every format into every format."""

from __future__ import annotations

import io
import struct

import pytest
import pyvips
from PIL import Image

from autoquality_core.formats import EncoderOptions, encoder_for
from autoquality_core.images import open_image
from autoquality_core.types import Format, NoticeCode
from tests.images.files import AMPLE
from tests.images.metadata_files import (
    ARTIST,
    COPYRIGHT,
    EXIF_IFD,
    GPS,
    MAKE,
    MAKER_NOTE,
    ORIENTATION,
    SOURCES,
    UNIT,
    X_RESOLUTION,
    Y_RESOLUTION,
    directory,
    exif,
    exif_block,
    iptc_record,
    jpeg_with_segment,
    packet,
    photoshop,
    resource,
    saved,
    text,
    with_thumbnail,
)
from tests.pipeline.kept import (
    EVERYTHING,
    NOTHING,
    codes,
    encode,
    exif_of,
    opened,
    texts_of,
    xmp_of,
)

each_format = pytest.mark.parametrize("fmt", list(Format))
each_source = pytest.mark.parametrize("source", SOURCES)


@each_format
def test_the_picture_has_the_same_bytes_with_and_without_metadata(fmt: Format) -> None:
    """So writing is as fast, and the size of metadata is known without encoding."""
    source = saved("PNG", exif=exif())
    pixels = open_image(source, AMPLE).decode(all_frames=False)
    plain = encode(source, fmt, NOTHING)
    assert plain.image == encoder_for(fmt).encode(pixels, plain.quality)
    for options in (EncoderOptions(), EVERYTHING):
        assert opened(encode(source, fmt, options).image).tobytes() == opened(plain.image).tobytes()


@each_format
def test_no_metadata_is_made_up(fmt: Format) -> None:
    source = saved("PNG")
    plain = encode(source, fmt, NOTHING).image
    assert encode(source, fmt).image == plain
    assert encode(source, fmt, EVERYTHING).image == plain


@each_source
@each_format
def test_kept_metadata_is_that_of_the_upright_image(source: str, fmt: Format) -> None:
    xmp = packet("<tiff:Orientation>6</tiff:Orientation>", 'tiff:Make="A Camera"')
    options = {} if source in ("PNG", "TIFF") else {"xmp": xmp}
    result = encode(saved(source, exif=exif(6), **options), fmt, EVERYTHING)
    found = exif_of(result.image)
    assert (result.width, result.height) == (32, 48)
    assert found.get(ORIENTATION, 1) == 1
    assert (found[ARTIST], found[COPYRIGHT], found[MAKE]) == ("Ada", "(c) Ada", "A Camera")
    assert source == "TIFF" or found.get_ifd(GPS)[1] == "N"  # Pillow writes none into a TIFF
    if options:
        assert xmp_of(result.image) == xmp.replace(b">6<", b">1<")
    again = open_image(result.image, AMPLE)
    assert (again.orientation, again.width, again.height) == (1, 32, 48)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ('tiff:Orientation="6"', 'tiff:Orientation="1"'),
        ("tiff:Orientation = '8'", "tiff:Orientation = '1'"),
        ('xmlns:t="http://ns.adobe.com/tiff/1.0/" t:Orientation="6"', 't:Orientation="1"'),
    ],
)
def test_xmp_keeps_no_old_orientation_in_any_spelling(written: str, expected: str) -> None:
    source = saved("JPEG", exif=exif(6), xmp=packet(attributes=written))
    assert expected.encode() in xmp_of(encode(source, Format.WEBP, EVERYTHING).image)


def test_xmp_keeps_no_thumbnails() -> None:
    """They show the picture as it lay."""
    thumbnails = (
        "<xmp:Thumbnails><rdf:Alt><rdf:li>/9j/4AAQ</rdf:li></rdf:Alt></xmp:Thumbnails>"
        "<xmp:Rating>3</xmp:Rating><xmp:Thumbnails/>"
    )
    source = saved("JPEG", exif=exif(6), xmp=packet(thumbnails))
    kept = xmp_of(encode(source, Format.PNG, EVERYTHING).image)
    assert kept == packet("<xmp:Rating>3</xmp:Rating>")


@each_format
def test_exif_keeps_no_thumbnail(fmt: Format) -> None:
    thumbnail = saved("JPEG", quality=50)
    block = with_thumbnail({ORIENTATION: (3, 1, b"\x06\0"), ARTIST: text("Ada")}, thumbnail)
    image = encode(saved("JPEG", exif=block), fmt, EVERYTHING).image
    assert dict(exif_of(image)) == {ORIENTATION: 1, ARTIST: "Ada"}
    assert thumbnail[20:200] not in image


def test_a_thumbnail_before_other_tags_is_removed_too() -> None:
    """Its bytes are overwritten where others lie behind them."""
    thumbnail = saved("JPEG", quality=50)
    first = {ARTIST: text("Ada"), EXIF_IFD: (4, 1, bytes(4))}
    end = len(with_thumbnail(first, thumbnail))
    first[EXIF_IFD] = (4, 1, struct.pack("<I", end))
    block = with_thumbnail(first, thumbnail) + directory({0x9286: text("a comment")}, end)
    image = encode(saved("JPEG", exif=block), Format.WEBP, EVERYTHING).image
    assert thumbnail[20:200] not in image
    assert exif_of(image).get_ifd(EXIF_IFD) == {0x9286: "a comment"}


@each_format
def test_a_maker_note_stays_where_it_was(fmt: Format) -> None:
    """Its offsets often count from the start of the block, so its place is part of it."""
    note = bytes(range(200))
    at = len(exif_block({ARTIST: text("Ada"), EXIF_IFD: (4, 1, bytes(4))}))
    block = exif_block({ARTIST: text("Ada"), EXIF_IFD: (4, 1, struct.pack("<I", at))})
    block += directory({MAKER_NOTE: (7, len(note), note)}, at)
    source = saved("JPEG", exif=block, dpi=(300, 300))  # the density is added to the block
    image = encode(source, fmt, EVERYTHING).image
    kept = image[image.index(b"II*\0") :]
    assert kept[block.index(note) :].startswith(note)
    assert exif_of(image)[X_RESOLUTION] == 300


@each_source
@each_format
def test_the_density_is_kept_with_the_metadata(source: str, fmt: Format) -> None:
    """From where each format has it, turned with the picture."""
    if source in ("WEBP", "AVIF"):
        block = exif(6, **{f"t{X_RESOLUTION}": 300.0, f"t{Y_RESOLUTION}": 150.0, f"t{UNIT}": 2})
        data = saved(source, exif=block)
    else:
        data = saved(source, exif=exif(6), dpi=(300, 150))
    image = encode(data, fmt, EVERYTHING).image
    found = exif_of(image)
    # An AVIF is not turned by its EXIF.
    across, down = (300, 150) if source == "AVIF" else (150, 300)
    assert (found[X_RESOLUTION], found[Y_RESOLUTION], found.get(UNIT)) == (across, down, 2)
    if fmt in (Format.JPEG, Format.PNG):  # libvips reads that of no other format
        seen = pyvips.Image.new_from_buffer(image, "")
        assert (seen.xres * 25.4, seen.yres * 25.4) == pytest.approx((across, down), abs=0.02)
    assert X_RESOLUTION not in exif_of(encode(data, fmt).image)


@each_format
def test_a_tiff_keeps_its_exif_and_gps_directories(fmt: Format) -> None:
    def tiff(exif_at: int, gps_at: int) -> bytes:
        tags = {
            256: (3, 1, b"\x02\0"),
            257: (3, 1, b"\x01\0"),
            258: (3, 1, b"\x08\0"),
            259: (3, 1, b"\1\0"),
            262: (3, 1, b"\1\0"),
            273: (4, 1, b"\x08\0\0\0"),
            277: (3, 1, b"\1\0"),
            278: (3, 1, b"\1\0"),
            279: (4, 1, b"\2\0\0\0"),
            EXIF_IFD: (4, 1, struct.pack("<I", exif_at)),
            GPS: (4, 1, struct.pack("<I", gps_at)),
            ARTIST: text("Ada"),
        }
        return b"II*\0\x0a\0\0\0\x10\xf0" + directory(tags, 10)

    details = {0x9003: text("2020:01:02 03:04:05"), 0xA434: text("A Lens")}
    at = len(tiff(0, 0))
    parts = directory(details, at), directory({1: text("N"), 3: text("E")}, 0)
    there = at + len(parts[0])
    data = tiff(at, there) + parts[0] + parts[1]
    found = exif_of(encode(data, fmt, EVERYTHING).image)
    assert found[ARTIST] == "Ada"
    assert found.get_ifd(EXIF_IFD) == {0x9003: "2020:01:02 03:04:05", 0xA434: "A Lens"}
    assert found.get_ifd(GPS) == {1: "N", 3: "E"}
    assert not exif_of(encode(data, fmt).image).get_ifd(GPS)


@each_format
def test_a_density_in_centimetres_stays_one(fmt: Format) -> None:
    file = io.BytesIO()
    Image.new("RGB", (32, 24), "red").save(file, "TIFF", resolution=40, resolution_unit=3)
    image = encode(file.getvalue(), fmt, EVERYTHING).image
    found = exif_of(image)
    assert (found[X_RESOLUTION], found[UNIT]) == (40, 3)
    if fmt is Format.PNG:
        assert opened(image).info["dpi"][0] == pytest.approx(40 * 2.54, abs=0.02)


@each_format
def test_a_tiff_keeps_what_describes_it(fmt: Format) -> None:
    tags = {270: "A page", 305: "A program", 306: "2020:01:02 03:04:05", ARTIST: "Ada"}
    image = encode(saved("TIFF", tiffinfo=tags), fmt, EVERYTHING).image
    found = dict(exif_of(image))
    assert {tag: found[tag] for tag in tags} == tags
    assert not {256, 258, 262, 273, 279} & set(found)  # sides and strips are of the TIFF alone


def test_iptc_is_kept_in_jpeg_without_its_thumbnail() -> None:
    records = iptc_record(5, b"A Title") + iptc_record(80, b"Ada")
    source = photoshop(resource(0x040C, b"an old thumbnail"), resource(0x0404, records))
    result = encode(source, Format.JPEG, EVERYTHING)
    assert opened(result.image).info["photoshop"] == {0x0404: records}
    assert b"an old thumbnail" not in result.image and not result.notices


@pytest.mark.parametrize("fmt", [Format.WEBP, Format.AVIF, Format.PNG, Format.JXL])
def test_iptc_that_a_format_cannot_hold_is_not_lost_in_silence(fmt: Format) -> None:
    source = photoshop(resource(0x0404, iptc_record(80, b"Ada")))
    result = encode(source, fmt, EVERYTHING)
    assert codes(result) == [NoticeCode.METADATA_DROPPED] and "IPTC" in result.notices[0].message
    assert texts_of(result.image) == ("Ada", "")
    assert not encode(source, fmt).notices


def test_xmp_that_a_jpeg_cannot_hold_leaves_a_notice() -> None:
    source = saved("WEBP", xmp=packet("<dc:title>" + "x" * 70_000 + "</dc:title>"))
    result = encode(source, Format.JPEG, EVERYTHING)
    assert codes(result) == [NoticeCode.METADATA_DROPPED] and "XMP" in result.notices[0].message
    assert not xmp_of(result.image)


def test_damaged_exif_is_left_out_with_a_notice() -> None:
    source = jpeg_with_segment(0xE1, b"Exif\0\0II*\0\xff\xff\0\0")
    result = encode(source, Format.PNG, EVERYTHING)
    assert codes(result) == [NoticeCode.METADATA_DROPPED]
    assert encode(source, Format.PNG).image == encode(source, Format.PNG, NOTHING).image
