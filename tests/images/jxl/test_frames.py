"""Frames and headers of every kind end where libjxl says that they do."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pytest
from imagecodecs._jpegxl import jpegxl_decode, jpegxl_encode

from autoquality_core.images.jxl.bits import BitReader
from autoquality_core.images.jxl.frames import Frame, read_frames
from autoquality_core.images.jxl.header import read_header
from tests.images.jxl_files import PART_SIZE, PLACE, SIDE, Bits, Head, frames_of, head_of

NOISE = np.random.default_rng(2).integers(0, 256, (20, 30, 5), np.uint8)
HALF = 0x3C00
"""1.0 as a float of 16 bits."""


def numbers(count: int, value: int = 0) -> Bits:
    """Floats of 16 bits."""
    return Bits().raw(Bits().add(16, value)._bits * count)


def frame_of(
    samples: npt.NDArray[np.uint8],
    *,
    upsampling: int = 0,
    place: Sequence[int] | None = None,
    blends: Sequence[Bits] = (),
    filters: Bits | None = None,
    last: bool = True,
    full: bool = True,
    passes: Bits | None = None,
    empty: int = 0,
    name: int = 0,
) -> bytes:
    """A lossless frame of (height, width, bands) samples, behind a header written here.

    `upsampling` is a power of two. `place` is left, top, width and height. `blends` describes how
    the colours and each extra channel are laid on what is below; none replaces it. `full` says
    that a frame covers the image, `last` that no other follows. With several `passes`, the first
    ones have `empty` parts. The name has `name` bytes.
    """
    extra = 1 - samples.shape[2] % 2
    data = jpegxl_encode(samples, lossless=True, effort=3, numthreads=1)
    (coded,) = read_frames(memoryview(data), read_header(memoryview(data)), 1)
    bits = Bits().flag(False).add(2, 0).flag(True).add(2, 0).flag(False)
    bits.add(2, upsampling).add(2 * extra, upsampling)
    bits.add(2, 2 if coded.parts == 1 else 1).other(passes or Bits().add(2, 0))
    bits.flag(place is not None)
    for at, number in enumerate(place or ()):
        bits.u32(2 * abs(number) - (number < 0) if at < 2 else number, PLACE)
    for blend in blends or [Bits().add(2, 0)] * (1 + extra):
        bits.other(blend)
        if blend._bits[:2] == [0, 0] and not full:
            bits.add(2, 0)
    bits.flag(last)
    if not last:
        bits.add(2, 1)
        if full and not any(blends[0]._bits[:2] if blends else ()):
            bits.flag(False)
    bits.u32(name, ((0, 0), (4, 0), (5, 16), (10, 48))).add(8 * name, 0x41)
    bits.other(filters or Bits().flag(False).flag(False).add(2, 0).add(2, 0))
    reader, listed = BitReader(data, coded.parts_at), Bits()
    sizes = [reader.u32(*PART_SIZE) for _ in range(coded.parts)]
    for size in (*sizes[:3], *[0] * empty, *sizes[3:]):
        listed.u32(size, PART_SIZE)
    header = bits.add(2, 0).flag(False).bytes()
    return header + listed.bytes() + data[coded.end // 8 - sum(sizes) :]


def frames_in(data: bytes) -> list[Frame]:
    """The frames of a file that libjxl decodes. The last one must end with the file."""
    assert jpegxl_decode(data) is not None
    found = list(read_frames(memoryview(data), read_header(memoryview(data)), 9))
    assert found[-1].end == 8 * len(data)
    return found


GABORISH = Bits().flag(False).flag(True).flag(True).other(numbers(6)).add(2, 0).add(2, 0)
EDGES = Bits().flag(False).flag(False).add(2, 1).flag(True).other(numbers(5, HALF))
EDGES.flag(True).other(numbers(3, HALF)).other(numbers(1, HALF)).add(2, 0)


@pytest.mark.parametrize("filters", [Bits().flag(True), GABORISH, EDGES])
def test_a_frame_may_have_filters_of_its_own(filters: Bits) -> None:
    samples = NOISE[..., :3]
    assert len(frames_in(head_of(samples).bytes() + frame_of(samples, filters=filters))) == 1


@pytest.mark.parametrize("length", [0, 15, 16, 47, 48, 500])
def test_a_frame_may_have_a_name(length: int) -> None:
    samples = NOISE[..., :3]
    assert len(frames_in(head_of(samples).bytes() + frame_of(samples, name=length))) == 1


def test_a_lossy_frame_may_have_filters_of_its_own() -> None:
    data = jpegxl_encode(NOISE[..., :3], distance=1.0, numthreads=1)
    (frame,) = frames_in(data)
    bits = np.unpackbits(np.frombuffer(data, np.uint8), bitorder="little").tolist()
    made = Bits().raw(bits[: frame.begin + 22])  # up to the filters
    made.flag(False).flag(False).add(2, 1).flag(True).other(numbers(8)).flag(False)
    made.flag(True).other(numbers(4, HALF)).add(2, 0).add(2, 0).flag(False)
    assert len(frames_in(made.bytes() + data[frame.parts_at // 8 :])) == 1


@pytest.mark.parametrize("mode", range(5))
@pytest.mark.parametrize("bands", [3, 4])
def test_a_layer_may_be_blended_in_any_way(mode: int, bands: int) -> None:
    samples = NOISE[..., :bands]
    blend = Bits().u32(mode, ((0, 0), (0, 1), (0, 2), (2, 3)))
    if mode in (2, 3) and bands == 4:
        blend.add(2, 0)  # its alpha
    if mode == 4 or (mode in (2, 3) and bands == 4):
        blend.flag(False)
    if mode:
        blend.add(2, 1)
    layers = frame_of(samples, last=False) + frame_of(samples, blends=[blend] * (bands - 2))
    assert len(frames_in(head_of(samples).bytes() + layers)) == 2


@pytest.mark.parametrize(
    ("left", "top", "width", "height", "full"),
    [
        (0, 0, 30, 20, True),
        (-3, 0, 27, 20, True),
        (0, -4, 30, 16, True),
        (-2, -2, 26, 17, True),
        (1, 0, 31, 20, False),
        (0, 1, 30, 21, False),
        (0, 0, 31, 20, False),
        (0, 0, 30, 21, False),
        (-1, 0, 30, 20, False),
        (0, -1, 30, 20, False),
        (300, 1200, 340, 1230, False),
    ],
)
def test_a_layer_may_have_any_place(
    left: int, top: int, width: int, height: int, full: bool
) -> None:
    samples = NOISE[..., :3]
    layer = frame_of(samples, place=(left, top, 30, 20), full=full)
    data = Head(width, height).bytes() + layer
    (found,) = frames_in(data)
    assert (found.width, found.height) == (30, 20)
    shown = samples[max(-top, 0) : height - top, max(-left, 0) : width - left]
    expected = np.zeros((height, width, 3), np.uint8)
    expected[max(top, 0) : top + 20, max(left, 0) : left + 30] = shown
    assert np.array_equal(jpegxl_decode(data), expected)


@pytest.mark.parametrize("upsampling", [0, 1, 3])
def test_the_parts_of_an_enlarged_frame_are_those_of_the_coded_one(upsampling: int) -> None:
    samples = np.tile(NOISE[..., :3], (1, 20, 1))
    width, height = samples.shape[1] << upsampling, samples.shape[0] << upsampling
    data = Head(width, height).bytes() + frame_of(samples, upsampling=upsampling)
    (found,) = frames_in(data)
    assert found.parts == 2 + 1 + 3  # of 256 x 256 samples


@pytest.mark.parametrize(("passes", "downsampled"), [(2, 0), (2, 1), (3, 2), (5, 3)])
def test_a_frame_may_have_several_passes(passes: int, downsampled: int) -> None:
    bits = Bits().u32(passes, ((0, 1), (0, 2), (0, 3), (3, 4)))
    bits.u32(downsampled, ((0, 0), (0, 1), (0, 2), (1, 3))).add(2 * (passes - 1), 0)
    for at in range(downsampled):
        bits.add(2, 3 - at)  # 8, 4, 2 and 1 times
    for at in range(downsampled):
        bits.u32(at, ((0, 0), (0, 1), (0, 2), (3, 0)))
    samples = np.tile(NOISE[..., :3], (1, 20, 1))
    frame = frame_of(samples, passes=bits, empty=3 * (passes - 1))
    (found,) = frames_in(head_of(samples).bytes() + frame)
    assert found.parts == 2 + 1 + 3 * passes


def head_with(
    sides: Bits,
    *,
    page: Bits | None = None,
    tone: Bits | None = None,
    transforms: Bits | None = None,
    xyb: bool = False,
) -> bytes:
    """The header of RGB samples with parts that other encoders write."""
    head = Bits().add(16, 0x0AFF).other(sides).flag(False).flag(True).add(3, 0)
    head.flag(page is not None).other(page or Bits()).flag(False).flag(False)
    head.flag(False).add(2, 0).flag(False).add(2, 0).flag(xyb).flag(True)
    head.flag(tone is None).other(tone or Bits()).add(2, 0)
    return head.other(transforms or Bits().flag(True)).bytes()


PLAIN = Bits().flag(False).u32(16, SIDE).add(3, 0).u32(16, SIDE)
SMALL = Bits().flag(True).add(5, 1).add(3, 0).add(5, 1)
SQUARE = Bits().flag(True).add(5, 1).add(3, 1)
TONE = Bits().other(numbers(1, 0x5BF8)).other(numbers(1)).flag(False).other(numbers(1))
WEIGHTS = [
    Bits().flag(False).add(3, 1 << at).other(numbers(count))
    for at, count in enumerate((15, 55, 210))
]


@pytest.mark.parametrize(
    ("sides", "page", "tone", "transforms"),
    [
        *((PLAIN, None, TONE, None), (SMALL, PLAIN, None, WEIGHTS[0])),
        *((SQUARE, SMALL, TONE, WEIGHTS[1]), (PLAIN, SQUARE, None, WEIGHTS[2])),
    ],
)
def test_a_header_may_have_parts_that_change_no_sample(
    sides: Bits, page: Bits | None, tone: Bits | None, transforms: Bits | None
) -> None:
    samples = NOISE[:16, :16, :3]
    head = head_with(sides, page=page, tone=tone, transforms=transforms)
    data = head + frame_of(samples)
    assert len(frames_in(data)) == 1
    header = read_header(memoryview(data))
    assert (header.width, header.height) == (16, 16)
    assert np.array_equal(jpegxl_decode(data), samples)


def test_the_header_of_a_lossy_image_may_have_a_matrix() -> None:
    transforms = Bits().flag(False).flag(False).other(numbers(16, HALF)).add(3, 0)
    head = head_with(PLAIN, transforms=transforms, xyb=True)
    assert len(frames_in(head + frames_of(jpegxl_encode(NOISE[:16, :16, :3], distance=1.0)))) == 1


@pytest.mark.parametrize(
    ("ratio", "sides"),
    [
        *((1, (60, 60)), (2, (72, 60)), (3, (80, 60)), (4, (90, 60))),
        *((5, (106, 60)), (6, (75, 60)), (7, (120, 60))),
    ],
)
def test_a_width_may_follow_from_the_height(ratio: int, sides: tuple[int, int]) -> None:
    head = head_with(Bits().flag(False).u32(60, SIDE).add(3, ratio))
    data = head + frame_of(np.resize(NOISE[..., :3], (sides[1], sides[0], 3)))
    assert frames_in(data)[0].width == sides[0] == jpegxl_decode(data).shape[1]
