"""Parts cut out of a file: the picture decodes to the same samples, and nothing else stays."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import pyvips
from PIL import Image, ImageCms

from autoquality_core.formats import AvifEncoder, JxlEncoder, stripped, with_metadata
from autoquality_core.images import Metadata, Source, open_image
from autoquality_core.types import Format
from tests.formats.sources import photograph, translucent
from tests.images.files import AMPLE, animated, with_profile
from tests.images.films import chunk, mpf
from tests.images.jxl_files import boxed, head_of, jxl
from tests.images.jxl_files import with_profile as jxl_with_profile
from tests.images.metadata_files import (
    ARTIST,
    exif_block,
    iptc_record,
    jpeg_with_segment,
    packet,
    photoshop,
    png_with_texts,
    resource,
    saved,
    text,
)

PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
EXIF = exif_block({ARTIST: text("Ada")})
CUT = pytest.mark.parametrize("profile", [False, True])


def picture(fmt: str, alpha: bool = False, **options: Any) -> bytes:
    """A file with EXIF, XMP and a profile, written by Pillow."""
    pixels = translucent() if alpha else photograph()
    exif = b"Exif\0\0" + EXIF if fmt == "JPEG" else EXIF
    more = {"exif": exif, "icc_profile": PROFILE, **options}
    if fmt in ("JPEG", "WEBP"):
        more["xmp"] = packet()
    file = io.BytesIO()
    Image.fromarray(pixels.samples[0]).save(file, fmt, **more)
    return file.getvalue()


def profiled_film() -> bytes:
    frames = [Image.fromarray(np.roll(photograph().samples[0], 8 * at, axis=1)) for at in range(3)]
    file = io.BytesIO()
    frames[0].save(
        *(file, "WEBP"), save_all=True, append_images=frames[1:], icc_profile=PROFILE, exif=EXIF
    )
    return file.getvalue()


FILES: dict[str, tuple[Format, Callable[[], bytes]]] = {
    "baseline": (Format.JPEG, lambda: picture("JPEG")),
    "progressive": (Format.JPEG, lambda: picture("JPEG", progressive=True, comment=b"hello")),
    "restarts": (Format.JPEG, lambda: picture("JPEG", restart_marker_blocks=3)),
    "density": (Format.JPEG, lambda: picture("JPEG", dpi=(300, 300))),
    "lossy": (Format.WEBP, lambda: picture("WEBP")),
    "lossy with alpha": (Format.WEBP, lambda: picture("WEBP", alpha=True)),
    "lossless": (Format.WEBP, lambda: picture("WEBP", alpha=True, lossless=True)),
    "film": (Format.WEBP, profiled_film),
    "colours": (Format.PNG, lambda: picture("PNG")),
    "alpha": (Format.PNG, lambda: picture("PNG", alpha=True)),
    "texts": (Format.PNG, lambda: png_with_texts(Author=("iTXt", "Ada"), Comment=("zTXt", "x"))),
}


def opened(data: bytes) -> Source:
    return open_image(data, AMPLE)


def samples_of(data: bytes) -> np.ndarray:
    """As stored: profiles are kept, or cut, but not applied."""
    image = Image.open(io.BytesIO(data))
    frames = []
    for at in range(getattr(image, "n_frames", 1)):
        image.seek(at)
        frames.append(np.asarray(image.convert("RGBA")))
    return np.stack(frames)


@CUT
@pytest.mark.parametrize("metadata", [False, True])
@pytest.mark.parametrize("name", FILES)
def test_the_picture_stays_and_what_is_cut_is_gone(
    name: str, metadata: bool, profile: bool
) -> None:
    fmt, make = FILES[name]
    data = make()
    found = stripped(fmt, data, metadata=metadata, profile=profile)
    assert found is not None
    assert np.array_equal(samples_of(found), samples_of(data))
    before, after = opened(data), opened(found)
    assert (after.colours.profile is None) == (profile or before.colours.profile is None)
    assert after.blocks == (type(before.blocks)() if metadata else before.blocks)
    assert stripped(fmt, found, metadata=metadata, profile=profile) == found
    assert (found == data) == (not (metadata or (profile and before.colours.profile)))


@pytest.mark.parametrize("name", FILES)
def test_bytes_behind_the_picture_are_cut(name: str) -> None:
    fmt, make = FILES[name]
    data = make()
    assert stripped(fmt, data + b"\xff\xd8 garbage", metadata=False, profile=False) == data


@pytest.mark.parametrize("name", FILES)
def test_an_incomplete_file_has_no_picture_of_its_own(name: str) -> None:
    fmt, make = FILES[name]
    data = make()
    for end in (0, 3, 11, len(data) // 3, len(data) // 2, len(data) - 1):
        assert stripped(fmt, data[:end], metadata=True, profile=True) is None, end


def test_segments_of_a_jpeg_that_hold_other_metadata_are_cut() -> None:
    plain = saved("JPEG", quality=95)
    for data in (
        photoshop(resource(0x0404, iptc_record(80, b"Ada")), resource(0x040C, b"thumbnail")),
        jpeg_with_segment(0xEC, b"Ducky"),
        jpeg_with_segment(0xFE, b"a comment"),
        jpeg_with_segment(0xE0, b"JFXX\0\x10" + bytes(40)),
    ):
        assert stripped(Format.JPEG, data, metadata=True, profile=False) == plain
        assert stripped(Format.JPEG, data, metadata=False, profile=True) == data


def test_the_thumbnail_of_a_jfif_header_is_cut_and_its_density_stays() -> None:
    plain = saved("JPEG", dpi=(300, 300))
    assert plain[2:11] == b"\xff\xe0\x00\x10JFIF\0"
    head = plain[4:18]
    thumbnail = head[2:14] + bytes((2, 3)) + bytes(18)
    data = plain[:2] + b"\xff\xe0" + struct.pack(">H", len(thumbnail) + 2) + thumbnail + plain[20:]
    assert stripped(Format.JPEG, data, metadata=False, profile=False) == data
    assert stripped(Format.JPEG, data, metadata=True, profile=False) == plain


def test_the_colours_of_a_jpeg_without_jfif_stay() -> None:
    cmyk = Image.fromarray(photograph().samples[0]).convert("CMYK")
    file = io.BytesIO()
    cmyk.save(file, "JPEG")
    data = file.getvalue()
    assert b"Adobe" in data
    assert stripped(Format.JPEG, data, metadata=True, profile=True) == data


def test_the_index_of_further_images_goes_with_them() -> None:
    first = saved("JPEG")
    data = mpf([first, saved("JPEG")])
    assert len(data) > 2 * len(first)
    found = stripped(Format.JPEG, data, metadata=False, profile=False)
    assert found == first


def test_stray_bytes_between_the_segments_of_a_jpeg_are_unusual() -> None:
    data = saved("JPEG")
    assert stripped(Format.JPEG, data[:20] + b"\0" + data[20:], metadata=True, profile=True) is None


def test_a_png_whose_profile_is_cut_does_not_get_other_colours() -> None:
    image = pyvips.Image.new_from_memory(
        photograph().samples.tobytes(), photograph().width, photograph().height, 3, "uchar"
    ).copy(interpretation="srgb")
    data = with_profile(image, PROFILE)
    linear = data[:33] + chunk(b"gAMA", struct.pack(">I", 100_000)) + data[33:]
    found = stripped(Format.PNG, linear, metadata=True, profile=True)
    assert found is not None
    before = opened(linear).decode(all_frames=False)
    assert np.array_equal(opened(found).decode(all_frames=False).samples, before.samples)


def test_an_avif_stays_whole_or_nothing() -> None:
    plain = picture("AVIF", exif=b"", icc_profile=None)
    assert stripped(Format.AVIF, plain, metadata=True, profile=True) == plain
    ours = AvifEncoder().encode(photograph(), 50)
    tagged = with_metadata(Format.AVIF, ours, Metadata(exif=EXIF))
    assert stripped(Format.AVIF, tagged, metadata=False, profile=True) == tagged
    assert stripped(Format.AVIF, tagged, metadata=True, profile=False) is None
    profiled = picture("AVIF", exif=b"")
    assert opened(profiled).colours.profile is not None
    assert stripped(Format.AVIF, profiled, metadata=True, profile=False) == profiled
    assert stripped(Format.AVIF, profiled, metadata=False, profile=True) is None
    assert stripped(Format.AVIF, plain + b"garbage", metadata=False, profile=False) is None


def test_a_jpeg_xl_stays_in_its_boxes_until_something_is_cut() -> None:
    bare = JxlEncoder().encode(photograph(), 50)
    tagged = with_metadata(Format.JXL, bare, Metadata(exif=EXIF, xmp=packet()))
    plain, levelled = boxed(bare), boxed(bare, [(b"jxll", b"\x0a")])
    restored = boxed(bare, [(b"jbrd", b"a JPEG's own bytes")])
    parts = boxed(bare, [(b"xml ", packet())], [0, len(bare) // 2])
    for data in (bare, tagged, plain, levelled, restored, parts):
        assert stripped(Format.JXL, data, metadata=False, profile=True) == data
    for data in (tagged, restored, parts):
        assert stripped(Format.JXL, data, metadata=True, profile=True) == bare
    for data in (bare, plain, levelled):
        assert stripped(Format.JXL, data, metadata=True, profile=True) == data
    tagged = boxed(bare, [(b"jxll", b"\x0a"), (b"xml ", packet())])
    assert stripped(Format.JXL, tagged, metadata=True, profile=True) is None
    assert stripped(Format.JXL, bare + b"garbage", metadata=False, profile=False) == bare
    for data in (bare[:-1], plain[:-1], plain + b"garbage", b"", bare[:10]):
        assert stripped(Format.JXL, data, metadata=True, profile=True) is None


def test_the_profile_of_a_jpeg_xl_is_cut_out_of_its_codestream() -> None:
    samples = photograph().samples[0]
    bare = jxl(photograph().image)
    profiled = jxl_with_profile(bare, PROFILE, head_of(samples))
    assert opened(profiled).colours.profile is not None
    for data in (profiled, boxed(profiled, [(b"xml ", packet())])):
        found = stripped(Format.JXL, data, metadata=True, profile=True)
        assert found is not None and opened(found).colours.in_srgb
        assert opened(found).colours.profile is None
        assert np.array_equal(opened(found).decode(all_frames=False).samples[0], samples)
    assert stripped(Format.JXL, boxed(profiled), metadata=False, profile=True) is None


def test_metadata_is_inserted_into_files_that_other_programs_wrote() -> None:
    metadata = Metadata(exif=EXIF, xmp=packet())
    for name in ("density", "lossless", "alpha", "film"):
        fmt, make = FILES[name]
        bare = stripped(fmt, make(), metadata=True, profile=True)
        assert bare is not None
        data = with_metadata(fmt, bare, metadata)
        assert np.array_equal(samples_of(data), samples_of(bare))
        assert opened(data).blocks.are(metadata)
        assert not opened(bare).blocks.are(metadata)


def test_jfif_stays_the_first_segment() -> None:
    data = with_metadata(Format.JPEG, saved("JPEG", dpi=(72, 72)), Metadata(exif=EXIF))
    assert data[2:11] == b"\xff\xe0\x00\x10JFIF\0"
    assert data[20:24] == b"\xff\xe1" + struct.pack(">H", 8 + len(EXIF))


@pytest.mark.parametrize("alpha", [False, True])
def test_a_bare_lossless_webp_gets_a_header_with_its_sides_and_its_alpha(alpha: bool) -> None:
    pixels = translucent() if alpha else photograph()
    none = pyvips.ForeignKeep.NONE
    bare = bytes(pixels.image.webpsave_buffer(lossless=True, keep=none))
    assert bare[12:16] == b"VP8L"
    data = with_metadata(Format.WEBP, bare, Metadata(exif=EXIF))
    image = Image.open(io.BytesIO(data))
    assert image.size == (96, 64) and image.mode == ("RGBA" if alpha else "RGB")
    assert np.array_equal(samples_of(data), samples_of(bare))


def test_frames_and_their_durations_stay() -> None:
    film = animated([np.roll(photograph().samples[0], 8 * at, axis=1) for at in range(3)], [80] * 3)
    found = stripped(Format.WEBP, film, metadata=True, profile=True)
    assert found is not None and len(found) < len(film)
    before, after = (opened(one).decode(all_frames=True) for one in (film, found))
    assert np.array_equal(after.samples, before.samples)
    assert after.delays == before.delays == (80, 80, 80)
    assert after.image.get("loop") == before.image.get("loop") == 3
