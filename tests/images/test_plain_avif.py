"""Plain AVIF files are decoded as browsers do; libvips decodes all others."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import pyvips
from PIL import Image

from autoquality_core.errors import InvalidImage
from autoquality_core.images import Pixels, open_image
from autoquality_core.images.plain_files import decode_plain_avif
from tests.images.files import AMPLE, corners, grey_profile, image_of

ORIENTATION, ARTIST = 274, 315  # TIFF tags


def picture(width: int, height: int, bands: int) -> npt.NDArray[np.uint8]:
    """Coloured stripes that 4:2:0 blurs, and an alpha that increases to the right."""
    rows, columns = np.indices((height, width))
    stripes = np.stack([(rows // 3 + columns // 5 + band) % 3 * 120 for band in range(3)], axis=-1)
    alpha = np.linspace(0, 255, width)[np.newaxis, :, np.newaxis].repeat(height, axis=0)
    return np.concatenate([stripes, alpha], axis=-1)[..., :bands].astype(np.uint8)


def by_libheif(samples: npt.NDArray[Any], **options: Any) -> bytes:
    deep = "rgb16" if samples.dtype == np.uint16 else None
    image = image_of(samples, deep)
    return bytes(image.heifsave_buffer(**{"compression": "av1", "Q": 60, **options}))


def by_libavif(samples: npt.NDArray[np.uint8], **options: Any) -> bytes:
    file = io.BytesIO()
    Image.fromarray(samples).save(file, "AVIF", **options)
    return file.getvalue()


def by_pillow(data: bytes) -> npt.NDArray[np.uint8]:
    return np.asarray(Image.open(io.BytesIO(data)))


def decode(data: bytes) -> Pixels:
    return open_image(data, AMPLE).decode(all_frames=False)


@pytest.mark.parametrize("write", [by_libheif, by_libavif])
@pytest.mark.parametrize("bands", [3, 4])
@pytest.mark.parametrize(("width", "height"), [(16, 16), (17, 33), (48, 32), (101, 67)])
@pytest.mark.parametrize("subsample", [True, False])
def test_plain_files_are_decoded_exactly_as_by_pillow(
    write: Any, bands: int, width: int, height: int, subsample: bool
) -> None:
    options = {"subsample_mode": "on" if subsample else "off"}
    if write is by_libavif:
        options = {"subsampling": "4:2:0" if subsample else "4:4:4"}
    data = write(picture(width, height, bands), **options)
    expected = by_pillow(data)[np.newaxis]
    found = decode_plain_avif(data, width, height, bands)
    assert found is not None
    assert np.array_equal(found, expected)
    assert np.array_equal(decode(data).samples, expected)


@pytest.mark.parametrize("bits", [8, 10])
def test_chroma_is_interpolated(bits: int) -> None:
    """Libheif repeats it, which differs by more than 10 levels at coloured edges."""
    data = by_libheif(picture(48, 32, 3), subsample_mode="on", bitdepth=bits)
    repeated = pyvips.Image.heifload_buffer(data).numpy() >> (0 if bits == 8 else 8)
    found = decode(data).samples[0].astype(int)
    assert np.abs(found - repeated).max() > 10
    assert np.abs(found - by_pillow(data)).max() <= 3


@pytest.mark.parametrize("side", [16, 256])
def test_a_plain_file_may_have_metadata(side: int) -> None:
    """Behind the pixels, as libheif writes it, or before them."""
    samples = picture(side, side, 3)
    image = image_of(samples)
    image.set_type(pyvips.GValue.gstr_type, "exif-ifd0-Artist", "Ada")
    image.set_type(pyvips.GValue.blob_type, "xmp-data", b"<x:xmpmeta/>")
    behind = image.heifsave_buffer(compression="av1", keep="exif|xmp")
    exif = Image.Exif()
    exif[ARTIST] = "Ada"
    before = by_libavif(samples, exif=exif, xmp=b"<x:xmpmeta/>")
    for data in (behind, before):
        assert np.array_equal(decode_plain_avif(data, side, side, 3), by_pillow(data)[np.newaxis])
        kept = open_image(data, AMPLE).metadata(everything=True, copyright_too=True)
        assert b"Ada" in kept.exif
        assert kept.xmp == b"<x:xmpmeta/>"


@pytest.mark.parametrize("value_range", ["limited", "full"])
@pytest.mark.parametrize("alpha", [False, True])
def test_a_grey_file_stays_grey_in_its_own_range(value_range: str, alpha: bool) -> None:
    """Libheif shows a limited range as if it were the full one: too pale."""
    samples = picture(48, 32, 4)[..., [0, 3] if alpha else [0]]
    samples[..., 0] = np.linspace(0, 255, 48)
    file = Image.fromarray(samples if alpha else samples[..., 0])
    data = by_libavif(
        np.asarray(file.convert("RGBA" if alpha else "RGB")),
        subsampling="4:0:0",
        range=value_range,
        quality=95,
    )
    source = open_image(data, AMPLE)
    found = source.decode(all_frames=False).samples[0].astype(int)
    assert source.has_alpha is alpha
    assert found.shape == samples.shape
    assert np.abs(found - samples).max() <= 4


def test_a_grey_file_is_shown_by_its_grey_profile() -> None:
    flat = np.full((32, 48, 3), 100, np.uint8)
    data = by_libavif(flat, subsampling="4:0:0", icc_profile=grey_profile(1.0))
    assert np.abs(decode(data).samples.astype(int) - 168).max() <= 1


def _turned(orientation: int, samples: npt.NDArray[np.uint8]) -> bytes:
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    return by_libavif(samples, exif=exif, subsampling="4:4:4", quality=95)


def _display_p3() -> bytes:
    return by_libavif(corners(), icc_profile=pyvips.Image.profile_load("p3"))


def _frames() -> bytes:
    frames = [Image.fromarray(np.roll(corners(), 8 * number, axis=1)) for number in range(3)]
    file = io.BytesIO()
    frames[0].save(file, "AVIF", save_all=True, append_images=frames[1:])
    return file.getvalue()


@pytest.mark.parametrize(
    ("data", "bands"),
    [(_frames(), 3), (by_libavif(corners()) + b"\0\0\0\x09new.\0", 3)],
    ids=["frames", "an unknown box"],
)
def test_other_kinds_are_left_to_libvips(data: bytes, bands: int) -> None:
    assert decode_plain_avif(data, 48, 32, bands) is None
    assert decode(data).samples.shape[-1] == bands


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["RGB", "alpha", "left to libvips"])
def test_rotated_and_mirrored_files_are_decoded_upright(orientation: int, kind: str) -> None:
    """Alpha, too, which libheif leaves as it is coded."""
    samples = corners()
    if kind == "alpha":
        samples = np.dstack([samples, np.where(np.indices((32, 48))[0] < 8, 60, 255)])
        samples = samples.astype(np.uint8)
    data = _turned(orientation, samples)
    data += b"\0\0\0\x09new.\0" if kind == "left to libvips" else b""
    source = open_image(data, AMPLE)
    found = source.decode(all_frames=False).samples[0]
    image = image_of(samples)
    image.set_type(pyvips.GValue.gint_type, "orientation", orientation)
    expected = image.autorot()
    assert (source.width, source.height) == (expected.width, expected.height)
    assert np.abs(found.astype(int) - expected.numpy()).mean() < 4


def test_turns_in_an_unusual_order_are_left_to_libvips() -> None:
    data = _turned(5, corners())
    rotation, mirroring = data.index(b"irot"), data.index(b"imir")
    turned = bytearray(data)
    turned[rotation : rotation + 5] = data[mirroring : mirroring + 5]
    turned[mirroring : mirroring + 5] = data[rotation : rotation + 5]
    assert decode_plain_avif(data, 32, 48, 3) is not None
    assert decode_plain_avif(bytes(turned), 32, 48, 3) is None


def test_a_plain_file_may_have_a_profile() -> None:
    found = decode_plain_avif(_display_p3(), 48, 32, 3)
    assert np.array_equal(found, by_pillow(_display_p3())[np.newaxis])


@pytest.mark.parametrize("by_libvips", [False, True])
def test_premultiplied_alpha_is_undone(by_libvips: bool) -> None:
    """By libavif for plain files, by libvips for all others."""
    samples = picture(48, 32, 4)
    samples[..., :3] = (200, 100, 50)
    data = by_libavif(samples, alpha_premultiplied=True, subsampling="4:4:4", quality=100)
    assert np.array_equal(decode_plain_avif(data, 48, 32, 4), by_pillow(data)[np.newaxis])
    if by_libvips:  # an unknown box makes it a file for libvips
        data += b"\0\0\0\x09new.\0"
        assert decode_plain_avif(data, 48, 32, 4) is None
    found = decode(data).samples[0].astype(int)
    seen = found[..., 3] > 64
    assert np.abs(found[seen] - samples[seen]).max() <= 5
    assert np.abs(found - by_pillow(data))[seen].max() <= 4


def test_a_profile_is_applied() -> None:
    found = decode(_display_p3()).samples[0, 8, 12].astype(int)
    expected = image_of(corners()).icc_transform("srgb", input_profile="p3")(12, 8)
    assert np.abs(found - expected).max() <= 4


@pytest.mark.parametrize("sides", [(48, 33), (49, 32), (32, 48)])
def test_sides_other_than_the_files_are_refused(sides: tuple[int, int]) -> None:
    assert decode_plain_avif(by_libheif(corners()), *sides, 3) is None


def test_a_size_that_is_not_that_of_the_coded_picture_is_refused() -> None:
    """Libavif would scale the picture to it."""
    data = by_libheif(corners())
    size = data.index(b"ispe") + 8
    false = data[:size] + bytes((0, 0, 0, 96, 0, 0, 0, 64)) + data[size + 8 :]
    assert by_pillow(false).shape == (64, 96, 3)
    assert decode_plain_avif(false, 96, 64, 3) is None
    with pytest.raises(InvalidImage):
        decode(false)


@pytest.mark.parametrize("bands", [3, 4])
@pytest.mark.parametrize("write", [by_libheif, by_libavif])
def test_no_beginning_of_a_file_is_an_image_and_nothing_is_written_to_stderr(
    write: Any, bands: int, capfd: pytest.CaptureFixture[str]
) -> None:
    data = write(picture(17, 33, bands))
    for length in range(1, len(data)):
        assert decode_plain_avif(data[:length], 17, 33, bands) is None
        with pytest.raises(InvalidImage):
            decode(data[:length])
    assert capfd.readouterr().err == ""


def test_damaged_pictures_in_sound_files_say_nothing_on_stderr(
    capfd: pytest.CaptureFixture[str],
) -> None:
    data = by_libheif(corners())
    begin = data.index(b"mdat") + 4
    for at in range(begin, len(data)):
        damaged = data[:at] + bytes((data[at] ^ 0xFF,)) + data[at + 1 :]
        decode_plain_avif(damaged, 48, 32, 3)
    assert capfd.readouterr().err == ""


def test_a_complaint_of_libvips_that_is_no_text_spoils_neither_this_nor_the_next_answer() -> None:
    data = by_libheif(picture(48, 32, 4)).replace(b"auxC", b"aux\xfe")
    with pytest.raises(InvalidImage):
        decode(data)
    with pytest.raises(InvalidImage):
        decode(bytes(image_of(corners()).pngsave_buffer())[:60])


def test_a_plain_file_may_place_its_chroma_samples_anywhere() -> None:
    data = bytearray(by_libheif(picture(48, 32, 3)))
    data[data.index(b"av1C") + 4 + 2] |= 3
    assert decode_plain_avif(bytes(data), 48, 32, 3) is not None


def test_millions_of_boxes_are_not_looked_through() -> None:
    box = b"\0\0\0\x08free"
    assert decode_plain_avif(by_libheif(corners()) + box * 40, 48, 32, 3) is None
    assert decode_plain_avif(by_libheif(corners()) + box, 48, 32, 3) is not None
