"""The colours of animations that libvips does not read."""

from __future__ import annotations

import io
import struct

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image, ImageSequence

from autoquality_core.images import open_image
from autoquality_core.images.colour.cicp import BT709, Colours, Transfer
from autoquality_core.images.colour.icc import profile_of
from autoquality_core.types import ColorProfile
from tests.formats.sources import moving
from tests.images.files import AMPLE
from tests.images.films import Frame, apng, avif_sequence, chunk

LINEAR = (b"gAMA", struct.pack(">I", 100_000))
PQ = (b"cICP", bytes((9, 16, 0, 1)))
P3 = 12


def with_chunk(png: bytes, kind: bytes, content: bytes) -> bytes:
    """A PNG with a chunk behind its header."""
    return png[:33] + chunk(kind, content) + png[33:]


def flat(*levels: int, bands: int, dtype: type = np.uint8) -> list[npt.NDArray]:
    return [np.full((8, 8, bands), level, dtype) for level in levels]


@pytest.mark.parametrize("bands", [1, 3])
def test_an_animated_png_keeps_the_profile_of_its_first_frame(
    bands: int,
) -> None:
    frames = [Frame(one) for one in flat(60, 120, bands=bands)]
    source = open_image(with_chunk(apng(frames), *LINEAR), AMPLE)
    film = source.decode(all_frames=True, profile=ColorProfile.KEEP)
    still = source.decode(all_frames=False, profile=ColorProfile.KEEP)
    assert film.samples[:, 0, 0, 0].tolist() == [60, 120]
    assert film.bands == still.bands == bands  # a profile for grey says nothing of RGB
    assert film.profile is not None
    assert film.profile == still.profile
    converted = source.decode(all_frames=True)
    assert converted.profile is None
    assert converted.samples[:, 0, 0, 0].tolist() == [133, 182]  # of light 60/255 and 120/255


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_all_frames_share_one_tone_map(dtype: type) -> None:
    """Half of the second frame is brighter. The rest must not change."""
    unit = np.iinfo(dtype).max // 255
    dim, bright = flat(150 * unit, 230 * unit, bands=3, dtype=dtype)
    frames = [Frame(dim), Frame(np.ascontiguousarray(bright[:, :4]), left=4)]
    pixels = open_image(with_chunk(apng(frames), *PQ), AMPLE).decode(all_frames=True)
    assert pixels.tone_mapped
    first, second = pixels.samples
    assert (first == second[0, 0]).all()
    assert first.max() < second[0, -1].min() == 255


def test_frames_of_16_bits_are_blended() -> None:
    under = np.full((8, 8, 4), (65535, 0, 0, 65535), np.uint16)
    over = np.full((8, 8, 4), (0, 65535, 0, 32768), np.uint16)
    pixels = open_image(apng([Frame(under), Frame(over, over=True)]), AMPLE).decode(all_frames=True)
    assert pixels.samples[1, 0, 0].tolist() == [127, 128, 0]


def test_premultiplied_alpha_of_a_sequence_is_undone_once() -> None:
    """By its decoder; libvips, which decodes still images, does not undo it."""
    alpha = np.tile(np.linspace(60, 255, 96).astype(np.uint8), (64, 1))
    frames = [Image.fromarray(np.dstack([one, alpha])) for one in moving().samples]
    written = io.BytesIO()
    settings = {"quality": 95, "subsampling": "4:4:4", "alpha_premultiplied": True}
    frames[0].save(written, "AVIF", save_all=True, append_images=frames[1:], **settings)
    found = open_image(written.getvalue(), AMPLE).decode(all_frames=True).samples
    with Image.open(written) as file:
        expected = [np.asarray(one.convert("RGBA")) for one in ImageSequence.Iterator(file)]
    assert np.abs(found.astype(int) - np.stack(expected)).mean() < 1


def test_a_sequence_with_a_profile_is_converted_by_it() -> None:
    """Its track then has two colour boxes: code points and the profile."""
    profile = profile_of(Colours(BT709, Transfer.GAMMA, 1.0), 3)
    frames = [Image.fromarray(one[..., [0] * 3]) for one in flat(60, 120, bands=1)]
    frames = [one.resize((32, 32)) for one in frames]
    written = io.BytesIO()
    settings = {"quality": 95, "icc_profile": profile}
    frames[0].save(written, "AVIF", save_all=True, append_images=frames[1:], **settings)
    source = open_image(written.getvalue(), AMPLE)
    found = source.decode(all_frames=True).samples.astype(int)
    assert np.abs(found - np.array((133, 182)).reshape(2, 1, 1, 1)).max() <= 2
    kept = source.decode(all_frames=True, profile=ColorProfile.KEEP)
    assert kept.profile == profile
    assert np.abs(kept.samples.astype(int) - np.array((60, 120)).reshape(2, 1, 1, 1)).max() <= 1


def test_a_grey_sequence_whose_colours_are_described_stays_grey() -> None:
    levels = (60, 120, 180)
    data = avif_sequence(flat(*levels, bands=1), (100,) * 3)
    at = data.index(b"colrnclx") + 8
    source = open_image(data[:at] + struct.pack(">H", P3) + data[at + 2 :], AMPLE)
    assert source.colours.described is not None
    found = source.decode(all_frames=True).samples.astype(int)
    assert np.abs(found - np.array(levels).reshape(3, 1, 1, 1)).max() <= 1
