"""JPEG XL sources: depths, channels, colours, orientation, animations, containers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
import pyvips
from imagecodecs._brotli import brotli_encode
from imagecodecs._jpegxl import jpegxl_encode, jpegxl_encode_jpeg

from autoquality_core.errors import InvalidImage
from autoquality_core.images import Pixels, open_image
from autoquality_core.images.colour import icc
from autoquality_core.images.colour.cicp import Colours, Transfer
from autoquality_core.types import ColorProfile
from tests.images.files import AMPLE, corners, image_of
from tests.images.jxl_files import (
    Bits,
    Layer,
    boxed,
    colours,
    film,
    frames_of,
    head_of,
    jxl,
    own_colours,
    with_head,
    with_profile,
)
from tests.images.metadata_files import ARTIST, exif_block, packet, text

NOISE = np.random.default_rng(2).integers(0, 256, (20, 30, 4), np.uint8)
WIDE = (0.64, 0.33, 0.21, 0.71, 0.15, 0.06, 0.3457, 0.3585)
FILM = np.stack([np.roll(corners(), 8 * number, axis=1) for number in range(3)])


def decode(data: bytes, *, all_frames: bool = False, keep: bool = False) -> Pixels:
    profile = ColorProfile.KEEP if keep else ColorProfile.SRGB
    return open_image(data, AMPLE).decode(all_frames=all_frames, profile=profile)


def refusal(data: bytes) -> str:
    with pytest.raises(InvalidImage) as caught:
        open_image(data, AMPLE).decode(all_frames=True)
    return caught.value.reason


@pytest.mark.parametrize("bands", [1, 2, 3, 4])
def test_samples_are_exact_with_any_channels(bands: int) -> None:
    samples = NOISE[..., :bands]
    assert np.array_equal(decode(jxl(image_of(samples))).samples[0], samples)


@pytest.mark.parametrize("bits", [1, 2, 5, 8, 9, 10, 12, 16])
def test_samples_of_any_depth_become_eight_bits(bits: int) -> None:
    deep = np.linspace(0, (1 << bits) - 1, 20 * 30 * 3).round().reshape(20, 30, 3)
    samples = deep.astype(np.uint8 if bits <= 8 else np.uint16)
    data = with_head(jpegxl_encode(samples, lossless=True), head_of(samples, bits=bits))
    expected = (deep * 255 / ((1 << bits) - 1)).round()
    assert np.abs(decode(data).samples[0] - expected).max() <= (bits > 8)


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_floats_are_clipped_to_the_range_of_samples(dtype: npt.DTypeLike) -> None:
    samples = np.linspace(-0.5, 1.5, 20 * 30 * 3).reshape(20, 30, 3).astype(dtype)
    bits = 8 * samples.itemsize
    head = head_of(samples, bits=bits, floating=True)
    data = with_head(jpegxl_encode(samples, lossless=True), head)
    expected = samples.astype(float).clip(0, 1) * 255
    assert np.abs(decode(data).samples[0] - expected).max() <= 1


def test_floats_of_linear_light_become_srgb() -> None:
    light = np.linspace(0, 1, 20 * 30 * 3).reshape(20, 30, 3).astype(np.float32)
    found = decode(jpegxl_encode(light, lossless=True)).samples[0]
    expected = np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)
    assert np.abs(found - expected * 255).max() <= 1


def test_a_file_is_decoded_whole_even_if_damage_is_accepted() -> None:
    source = open_image(jxl(image_of(NOISE)), AMPLE)
    found = source.decode(all_frames=True, damaged=True)
    assert np.array_equal(found.samples[0], NOISE)


def test_floats_of_unusual_sizes_are_refused() -> None:
    samples = NOISE[..., :3]
    assert refusal(with_head(jxl(image_of(samples)), head_of(samples, bits=24, floating=True))) == (
        "IMAGE_UNREADABLE"
    )


def test_premultiplied_alpha_is_undone() -> None:
    samples = np.full((16, 16, 4), (50, 100, 25, 128), np.uint8)
    head = head_of(samples, extra=[(0, True)])
    found = decode(with_head(jxl(image_of(samples)), head)).samples[0, 0, 0]
    assert np.abs(found.astype(int) - (100, 199, 50, 128)).max() <= 1


@pytest.mark.parametrize(("bands", "shown"), [(2, 1), (4, 3)])
@pytest.mark.parametrize("kind", [1, 2, 5])
def test_a_channel_that_is_not_alpha_is_left_out(bands: int, shown: int, kind: int) -> None:
    samples = NOISE[..., :bands]
    depth = head_of(samples, extra=[(kind, False)])
    found = decode(with_head(jxl(image_of(samples)), depth)).samples
    assert np.array_equal(found[0], samples[..., :shown])


def test_cmyk_is_refused() -> None:
    black = head_of(NOISE, extra=[(4, False)])
    assert refusal(with_head(jxl(image_of(NOISE)), black)) == "IMAGE_UNREADABLE"


def test_the_orientation_in_the_header_counts_and_not_that_in_exif() -> None:
    samples = corners()
    codestream = with_head(jxl(image_of(samples)), head_of(samples, orientation=8))
    exif = exif_block({0x0112: (3, 1, b"\3\0")})
    source = open_image(boxed(codestream, [(b"Exif", bytes(4) + exif)]), AMPLE)
    assert (source.width, source.height) == (32, 48)
    found = source.decode(all_frames=False).samples[0]
    assert np.array_equal(found, np.rot90(samples))


@pytest.mark.parametrize(
    ("encoding", "described", "gamma"),
    [
        (colours(11, 13), (0.68, 0.32, 0.265, 0.69, 0.15, 0.06, 0.3127, 0.329), None),
        (colours(9, 13), (0.708, 0.292, 0.17, 0.797, 0.131, 0.046, 0.3127, 0.329), None),
        (colours(11, 17, 11), (0.68, 0.32, 0.265, 0.69, 0.15, 0.06, 0.314, 0.351), 2.6),
        (colours(1, 8, 10), (0.64, 0.33, 0.3, 0.6, 0.15, 0.06, 1 / 3, 1 / 3), 1.0),
        (own_colours(WIDE, 2.5), WIDE, 2.5),
    ],
)
def test_described_colours_are_converted_or_kept(
    encoding: Bits, described: tuple[float, ...], gamma: float | None
) -> None:
    samples = np.full((16, 16, 3), (60, 120, 90), np.uint8)
    data = with_head(jxl(image_of(samples)), head_of(samples, colours=encoding))
    curve = Transfer.SRGB if gamma is None else Transfer.GAMMA
    profile = icc.profile_of(Colours(described, curve, gamma or 1.0), 3)
    png = image_of(samples).copy()
    png.set_type(pyvips.GValue.blob_type, "icc-profile-data", profile)
    expected = decode(png.pngsave_buffer(keep=pyvips.ForeignKeep.ICC)).samples
    assert np.abs(decode(data).samples.astype(int) - expected).max() <= 1
    kept = decode(data, keep=True)
    assert np.array_equal(kept.samples[0], samples)
    assert kept.profile == profile


@pytest.mark.parametrize("transfer", [16, 18])
def test_hdr_is_tone_mapped(transfer: int) -> None:
    samples = np.full((16, 16, 3), 100, np.uint8)
    head = head_of(samples, colours=colours(9, transfer))
    pixels = decode(with_head(jxl(image_of(samples)), head))
    assert pixels.tone_mapped
    assert 0 < pixels.samples.min() <= pixels.samples.max() < 255


def profiles() -> dict[str, bytes]:
    adobe = Colours((0.64, 0.33, 0.21, 0.71, 0.15, 0.06, 0.3127, 0.329), Transfer.GAMMA, 2.2)
    return {
        "P3": pyvips.Image.profile_load("p3"),
        "sRGB": pyvips.Image.profile_load("srgb"),
        "Adobe": icc.profile_of(adobe, 3),
        "tables": _tables(),
    }


def _tables() -> bytes:
    """A profile of tables that exchanges red and blue."""
    grid = np.stack(np.meshgrid(*[np.linspace(0, 1, 5)] * 3, indexing="ij"), axis=-1)[..., ::-1]
    lab = pyvips.Image.new_from_array((grid.reshape(1, -1, 3) * 255).round().astype(np.uint8))
    values = lab.copy(interpretation="srgb").colourspace("lab").numpy()
    coded = np.stack([values[..., 0] * 652.8, *((values[..., 1:] + 128) * 256).transpose(2, 0, 1)])
    table = np.moveaxis(coded, 0, -1).clip(0, 65535).round().astype(">u2").tobytes()
    ends = np.array([0, 65535] * 3, ">u2").tobytes()
    matrix = np.array([65536, 0, 0, 0, 65536, 0, 0, 0, 65536], ">i4").tobytes()
    head = b"mft2" + bytes(4) + bytes((3, 3, 5, 0)) + matrix + b"\0\2\0\2"
    tags = {b"wtpt": icc._xyz_tag((0.9642, 1.0, 0.8249)), b"A2B0": head + ends + table + ends}
    profile = bytearray(icc._assembled(tags, b"RGB "))
    profile[8:12] = b"\2\x40\0\0"
    profile[20:24] = b"Lab "
    return bytes(profile)


@pytest.mark.parametrize("name", profiles())
@pytest.mark.parametrize("lossy", [False, True])
def test_profiles_are_applied_as_in_other_formats(name: str, lossy: bool) -> None:
    """Libjxl gives lossy samples in its own colours if it does not know the profile."""
    samples = np.full((16, 16, 3), (60, 120, 90), np.uint8)
    profile = profiles()[name]
    png = image_of(samples).copy()
    png.set_type(pyvips.GValue.blob_type, "icc-profile-data", profile)
    expected = decode(png.pngsave_buffer(keep=pyvips.ForeignKeep.ICC))
    if lossy:  # coded independently of a profile, from samples that are sRGB
        samples = expected.samples[0]
    data = jpegxl_encode(samples, distance=0.1) if lossy else jxl(image_of(samples))
    data = with_profile(data, profile, head_of(samples, xyb=lossy))
    found = decode(data)
    assert np.abs(found.samples.astype(int) - expected.samples).max() <= 2
    if not lossy:
        assert open_image(data, AMPLE).colours.profile == profile
        assert found.clipped == expected.clipped


def test_a_transcoded_jpeg_is_read_as_libjxl_decodes_it() -> None:
    jpeg = image_of(corners()).jpegsave_buffer(Q=90)
    for boxes in (True, False):
        found = decode(jpegxl_encode_jpeg(jpeg, usecontainer=boxes)).samples
        assert np.abs(found.astype(int) - decode(jpeg).samples).mean() < 2


def test_an_animation_keeps_frames_delays_and_loops() -> None:
    source = open_image(film(FILM, (40, 120, 70_000)), AMPLE)
    assert (source.frames, source.pages) == (3, 3)
    pixels = source.decode(all_frames=True)
    assert np.array_equal(pixels.samples, FILM)
    assert (pixels.delays, pixels.plays) == ((40, 120, 70_000), 3)
    assert np.array_equal(source.decode(all_frames=False).samples, FILM[:1])


@pytest.mark.parametrize(
    ("ticks", "delays"), [((30_000, 1001), (33, 67, 1001)), ((100, 300), (3000, 6000, 90_000))]
)
def test_ticks_of_any_length_become_milliseconds(
    ticks: tuple[int, int], delays: tuple[int, ...]
) -> None:
    assert decode(film(FILM, (1, 2, 30), ticks=ticks), all_frames=True).delays == delays


def test_frames_of_no_time_are_layers_of_the_next() -> None:
    source = open_image(film(FILM, (0, 50, 20)), AMPLE)
    assert (source.frames, source.pages) == (2, 2)
    assert source.decode(all_frames=True).delays == (50, 20)
    assert source.pixels(all_frames=True) == 3 * 48 * 32
    layers = head_of(FILM[0]).bytes() + Layer().bytes(48, 32)
    still = layers + frames_of(jxl(image_of(FILM[1])))
    assert open_image(still, AMPLE).frames == 1


def test_pages_are_no_frames() -> None:
    source = open_image(film(FILM, (2**32 - 1,) * 3), AMPLE)
    assert (source.frames, source.pages) == (1, 3)
    assert np.array_equal(source.decode(all_frames=True).samples, FILM[:1])


BLOCK = exif_block({ARTIST: text("Ada Lovelace")})
XMP = packet("<dc:title>odd</dc:title>")


@pytest.mark.parametrize("compressed", [False, True])
def test_metadata_is_found_in_its_boxes(compressed: bool) -> None:
    boxes = [(b"Exif", bytes(4) + BLOCK), (b"xml ", XMP)]
    if compressed:
        boxes = [(b"brob", kind + brotli_encode(content)) for kind, content in boxes]
    source = open_image(boxed(jxl(image_of(corners())), boxes), AMPLE)
    metadata = source.metadata(everything=True, copyright_too=True)
    assert (metadata.exif, metadata.xmp) == (BLOCK, XMP)
    assert not metadata.dropped


@pytest.mark.parametrize("content", [brotli_encode(bytes(1 << 25)), b"not Brotli"])
def test_metadata_that_cannot_be_decompressed_is_reported(content: bytes) -> None:
    data = boxed(jxl(image_of(corners())), [(b"brob", b"xml " + content)])
    metadata = open_image(data, AMPLE).metadata(everything=True, copyright_too=True)
    assert not metadata
    assert metadata.dropped == ("XMP is damaged or has more than 16777216 bytes",)


def test_a_gain_map_is_reported() -> None:
    codestream = jxl(image_of(corners()))
    assert open_image(boxed(codestream, [(b"jhgm", b"\0")]), AMPLE).gain_map
    assert not open_image(boxed(codestream), AMPLE).gain_map


def test_a_codestream_in_parts_is_joined() -> None:
    codestream = jxl(image_of(NOISE))
    for parts in ([0], [0, 1], [0, 3, 3, 200]):
        assert np.array_equal(decode(boxed(codestream, parts=parts)).samples[0], NOISE)


def test_boxes_that_contradict_each_other_are_refused() -> None:
    codestream = jxl(image_of(NOISE))
    whole = boxed(codestream)
    parts = boxed(codestream, parts=[0, 100])
    for data in (
        boxed(codestream, [(b"jxlc", codestream)]),
        boxed(codestream, [(b"jxlp", b"\x80\0\0\0" + codestream)]),
        parts.replace(b"jxlp\0\0\0\0", b"jxlp\0\0\0\1"),
        parts[:-12].replace(b"jxlp\x80\0\0\1", b"jxlp\0\0\0\1"),
        whole.replace(b"jxlc", b"free"),
        whole.replace(b"ftyp", b"free"),
        whole[:12],
    ):
        assert refusal(data) == "IMAGE_UNREADABLE"


def test_what_follows_the_last_box_is_ignored() -> None:
    data = boxed(jxl(image_of(NOISE))) + b"trailing"
    assert np.array_equal(decode(data).samples[0], NOISE)


def test_a_file_may_end_nowhere_before_its_last_part() -> None:
    data = jxl(image_of(NOISE))
    for length in range(2, len(data), 37):
        assert refusal(data[:length]) == "IMAGE_UNREADABLE"


def test_a_preview_is_refused() -> None:
    head = replace(head_of(NOISE), preview=True)
    assert refusal(with_head(jxl(image_of(NOISE)), head)) == "IMAGE_UNREADABLE"
