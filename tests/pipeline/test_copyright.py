"""Copyright and author: found in every format, kept in every format."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from autoquality_core.formats import EncoderOptions
from autoquality_core.types import Format, NoticeCode
from tests.images.metadata_files import (
    ARTIST,
    COPYRIGHT,
    GPS,
    MAKE,
    SOURCES,
    exif,
    exif_block,
    iptc_record,
    packet,
    photoshop,
    png_with_texts,
    resource,
    saved,
    text,
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


@each_source
@each_format
def test_copyright_and_author_are_kept_without_the_rest(source: str, fmt: Format) -> None:
    result = encode(saved(source, exif=exif()), fmt)
    found = exif_of(result.image)
    assert dict(found) == {ARTIST: "Ada", COPYRIGHT: "(c) Ada"}
    assert not found.get_ifd(GPS)
    assert b"A Camera" not in result.image
    assert not result.notices


@each_source
@each_format
def test_metadata_is_stripped_unless_it_is_asked_for(source: str, fmt: Format) -> None:
    options = {} if source in ("PNG", "TIFF") else {"xmp": packet("<dc:title>A Title</dc:title>")}
    data = saved(source, exif=exif(), **options)
    image = encode(data, fmt, NOTHING).image
    assert not exif_of(image) and not xmp_of(image)
    assert b"Ada" not in image
    assert b"A Title" not in encode(data, fmt).image


@each_format
def test_copyright_costs_its_text_and_little_more(fmt: Format) -> None:
    data = saved("JPEG", exif=exif())
    bare, kept = encode(data, fmt, NOTHING).image, encode(data, fmt).image
    assert 0 < len(kept) - len(bare) - len("Ada(c) Ada") <= 128
    assert opened(kept).tobytes() == opened(bare).tobytes()


@each_format
def test_a_film_keeps_its_copyright(fmt: Format) -> None:
    frames = [Image.new("RGB", (32, 24), color) for color in ("red", "green", "blue")]
    file = io.BytesIO()
    frames[0].save(file, "WEBP", save_all=True, append_images=frames[1:], exif=exif())
    result = encode(file.getvalue(), fmt)
    assert texts_of(result.image) == ("Ada", "(c) Ada")
    assert getattr(opened(result.image), "n_frames", 1) == result.frames


AUTHOR, NOTICE = "José Ñandú", "© Zoë ☃"
BY_XMP = (
    f"<dc:creator><rdf:Seq><rdf:li>{AUTHOR}</rdf:li></rdf:Seq></dc:creator>"
    f'<dc:rights><rdf:Alt><rdf:li xml:lang="x-default">{NOTICE}</rdf:li>'
    '<rdf:li xml:lang="de">anders</rdf:li></rdf:Alt></dc:rights>'
)
ELSEWHERE = {
    "EXIF": lambda: saved("JPEG", exif=exif_block({ARTIST: text(AUTHOR), COPYRIGHT: text(NOTICE)})),
    "XMP": lambda: saved("JPEG", xmp=packet(BY_XMP)),
    "XMP in a GIF": lambda: _gif(packet(BY_XMP)),
    "XMP, by attributes": lambda: saved(
        "WEBP", xmp=packet(attributes=f'tiff:Artist="{AUTHOR}" xmpRights:UsageTerms="{NOTICE}"')
    ),
    "IPTC": lambda: photoshop(
        resource(0x040C, b"\x1c\x02\x50\0\1x"),
        resource(0x0404, iptc_record(80, AUTHOR.encode()) + iptc_record(116, NOTICE.encode())),
    ),
    "iTXt": lambda: png_with_texts(Author=("iTXt", AUTHOR), Copyright=("iTXt", NOTICE)),
}


def _gif(xmp: bytes) -> bytes:
    data = saved("GIF")
    at = data.index(b"\x2c") if b"!\xff" not in data else data.index(b"!\xff")
    trailer = b"\x01" + bytes(range(255, -1, -1)) + b"\0"
    return data[:at] + b"!\xff\x0bXMP DataXMP" + xmp + trailer + data[at:]


@pytest.mark.parametrize("kind", ELSEWHERE)
@each_format
def test_copyright_is_found_wherever_it_stands_and_survives_in_utf_8(
    kind: str, fmt: Format
) -> None:
    for options in (EncoderOptions(), EVERYTHING):
        assert texts_of(encode(ELSEWHERE[kind](), fmt, options).image) == (AUTHOR, NOTICE)


@pytest.mark.parametrize("how", ["tEXt", "zTXt"])
def test_texts_of_a_png_in_latin_1_become_utf_8(how: str) -> None:
    source = png_with_texts(Author=(how, "José"), Copyright=(how, "© Zoë"))
    assert texts_of(encode(source, Format.JPEG).image) == ("José", "© Zoë")


def test_iptc_in_latin_1_becomes_utf_8() -> None:
    source = photoshop(resource(0x0404, iptc_record(116, "© Zoë".encode("latin-1"))))
    assert texts_of(encode(source, Format.PNG).image) == ("", "© Zoë")


def test_blank_texts_are_no_copyright() -> None:
    """Cameras write spaces where no name was entered."""
    block = exif_block({ARTIST: text(" " * 30), COPYRIGHT: text("\0 ")})
    source = saved("JPEG", exif=block)
    assert encode(source, Format.JPEG).image == encode(source, Format.JPEG, NOTHING).image


def test_a_very_long_text_is_cut_with_a_notice() -> None:
    source = saved("WEBP", exif=exif_block({COPYRIGHT: text("é" * 30_000)}))
    result = encode(source, Format.JPEG)
    assert texts_of(result.image) == ("", "é" * 1024)
    assert codes(result) == [NoticeCode.METADATA_DROPPED]
    assert "60000 bytes" in result.notices[0].message


@each_format
def test_exif_that_a_jpeg_cannot_hold_leaves_copyright_and_a_notice(fmt: Format) -> None:
    block = exif_block({ARTIST: text("Ada"), MAKE: text("x" * 70_000)})
    result = encode(saved("WEBP", exif=block), fmt, EVERYTHING)
    found = exif_of(result.image)
    if fmt is Format.JPEG:
        assert dict(found) == {ARTIST: "Ada"}
        assert codes(result) == [NoticeCode.METADATA_DROPPED]
    else:
        assert dict(found) == {ARTIST: "Ada", MAKE: "x" * 70_000} and not result.notices


def test_an_xmp_packet_with_entities_is_not_expanded() -> None:
    bomb = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;">]>' + packet(
        "<dc:rights>&b;</dc:rights>"
    )
    for one in (bomb, bomb.decode().encode("utf-16")):
        source = saved("WEBP", xmp=one)
        assert encode(source, Format.JPEG).image == encode(source, Format.JPEG, NOTHING).image
