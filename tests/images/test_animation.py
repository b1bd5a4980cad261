"""Frames that libvips does not read: animated PNG and AVIF sequences."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from autoquality_core.errors import InvalidImage
from autoquality_core.formats import encoder_for
from autoquality_core.images import ImageLimits, Pixels, open_image
from autoquality_core.images.isobmff.sequence import read_sequence
from autoquality_core.types import Format
from tests.browser import frames_shown
from tests.formats.sources import moving
from tests.images.files import AMPLE, corners, image_of
from tests.images.films import (
    CLEAR,
    KEEP,
    RESTORE,
    Frame,
    apng,
    avif_sequence,
    chunk,
    chunks,
    with_chunks,
    with_plays,
)

RED, GREEN, CLEAR_WHITE = (255, 0, 0, 255), (0, 255, 0, 255), (255, 255, 255, 0)
DELAYS = (80, 120, 200)
PAGE = (40, 90, 200)


def plain(colour: tuple[int, ...], width: int = 8, height: int = 8) -> npt.NDArray[np.uint8]:
    return np.full((height, width, len(colour)), colour, np.uint8)


def decoded(data: bytes) -> Pixels:
    return open_image(data, AMPLE).decode(all_frames=True)


def films() -> dict[str, bytes]:
    """One animation of every kind, of three frames."""
    frames = list(moving().samples)
    return {
        "apng": apng(
            [Frame(each, delay=(delay, 1000)) for each, delay in zip(frames, DELAYS, strict=True)]
        ),
        "avif": avif_sequence(frames, DELAYS),
    }


@pytest.mark.parametrize("kind", ["apng", "avif"])
def test_every_frame_is_counted_decoded_and_has_its_duration(kind: str) -> None:
    source = open_image(films()[kind], AMPLE)
    assert (source.width, source.height, source.frames, source.pages) == (96, 64, 3, 3)
    assert source.pixels(all_frames=True) == 3 * source.pixels(all_frames=False) == 3 * 96 * 64
    pixels = source.decode(all_frames=True)
    assert pixels.delays == DELAYS
    errors = np.abs(pixels.samples.astype(int) - moving().samples)
    assert errors.max() == 0 if kind == "apng" else errors.mean() < 3
    first = source.decode(all_frames=False)
    assert (first.frames, first.delays) == (1, ())
    assert np.abs(first.samples[0].astype(int) - pixels.samples[0]).mean() < 2


@pytest.mark.parametrize("kind", ["apng", "avif"])
def test_frames_count_for_the_limits(kind: str) -> None:
    data = films()[kind]
    exact = ImageLimits(len(data), 3 * 96 * 64, 3)
    assert open_image(data, exact).frames == 3
    for limits in (ImageLimits(len(data), 3 * 96 * 64 - 1), ImageLimits(len(data), 1 << 20, 2)):
        with pytest.raises(InvalidImage, match="3 frames") as caught:
            open_image(data, limits)
        assert caught.value.reason == "IMAGE_TOO_LARGE"


@pytest.mark.parametrize("kind", ["apng", "avif"])
def test_a_truncated_animation_is_refused(kind: str) -> None:
    data = films()[kind]
    for cut in (3, len(data) // 3):
        with pytest.raises(InvalidImage) as caught:
            open_image(data[:-cut], AMPLE).decode(all_frames=True)
        assert caught.value.reason == "IMAGE_UNREADABLE"


@pytest.mark.parametrize("plays", [0, 1, 3])
@pytest.mark.parametrize("kind", ["apng", "avif"])
def test_the_number_of_plays_is_kept(kind: str, plays: int) -> None:
    frames = list(moving().samples)
    if kind == "apng":
        data = apng([Frame(each) for each in frames], plays=plays)
    else:
        data = avif_sequence(frames, DELAYS)
        data = with_plays(data, plays) if plays else data
    assert decoded(data).image.get("loop") == plays


def test_a_sequence_whose_edit_takes_no_time_is_endless() -> None:
    data = bytearray(with_plays(avif_sequence(list(moving().samples), DELAYS), 3))
    struct.pack_into(">Q", data, data.index(b"elst") + 12, 0)
    found = read_sequence(bytes(data), 9)
    assert found is not None
    assert found.plays == 0


@pytest.mark.parametrize("kind", ["apng", "avif"])
def test_durations_and_plays_are_limited_to_those_of_a_webp(kind: str) -> None:
    frames = list(moving().samples)
    if kind == "apng":
        data = apng([Frame(each, delay=(65535, 1)) for each in frames], plays=2**32 - 1)
    else:
        data = with_plays(avif_sequence(frames, DELAYS), 2**40)
    pixels = decoded(data)
    assert pixels.image.get("loop") == 2**16 - 1
    assert pixels.delays == ((2**24 - 1,) * 3 if kind == "apng" else DELAYS)
    webp = encoder_for(Format.WEBP).encode(pixels, 80)
    assert decoded(webp).delays == pixels.delays


class TestApng:
    """Composition by the PNG specification."""

    def test_a_frame_covers_its_rectangle_and_the_rest_stays(self) -> None:
        data = apng([Frame(plain(RED)), Frame(plain(GREEN, 3, 2), left=4, top=5)])
        first, second = decoded(data).samples
        assert (first == RED[:3]).all()
        expected = plain(RED[:3])
        expected[5:7, 4:7] = GREEN[:3]
        assert (second == expected).all()

    @pytest.mark.parametrize(
        ("after", "left"), [(KEEP, GREEN), (CLEAR, (0, 0, 0, 0)), (RESTORE, RED)]
    )
    def test_a_frame_is_kept_cleared_or_restored(self, after: int, left: tuple[int, ...]) -> None:
        small = plain(GREEN, 4, 4)
        last = Frame(plain(CLEAR_WHITE, 2, 2), over=True)
        samples = decoded(apng([Frame(plain(RED)), Frame(small, after=after), last])).samples
        alpha = samples.shape[-1] == 4
        assert tuple(samples[1, 0, 0][:3]) == GREEN[:3]
        assert tuple(samples[2, 0, 0]) == (left if alpha else left[:3])
        assert tuple(samples[2, 7, 7][:3]) == RED[:3]

    def test_the_first_frame_restores_nothing(self) -> None:
        frames = [Frame(plain(RED), after=RESTORE), Frame(plain(CLEAR_WHITE), over=True)]
        assert (decoded(apng(frames)).samples[1] == 0).all()

    def test_translucent_pixels_are_blended_or_replace(self) -> None:
        half = plain((0, 0, 255, 128))
        over, replaced = (
            decoded(apng([Frame(plain((255, 0, 0, 64))), Frame(half, over=over)])).samples[1, 0, 0]
            for over in (True, False)
        )
        assert over.tolist() == pytest.approx([51, 0, 204, 160], abs=1)
        assert replaced.tolist() == [0, 0, 255, 128]

    def test_a_default_image_that_is_not_a_frame_is_left_out(self) -> None:
        """Browsers do not show it; so the first frame is not that either."""
        frames = [Frame(plain(RED[:3])), Frame(plain(GREEN[:3]))]
        source = open_image(apng(frames, default=plain((9, 9, 9))), AMPLE)
        assert (source.frames, source.pages) == (2, 2)
        assert source.decode(all_frames=True).samples[:, 0, 0].tolist() == [
            [255, 0, 0],
            [0, 255, 0],
        ]
        assert source.decode(all_frames=False).samples[0, 0, 0].tolist() == [255, 0, 0]

    @pytest.mark.parametrize("bands", [1, 2, 3, 4])
    @pytest.mark.parametrize("bits", [8, 16])
    def test_every_kind_of_samples_is_read(self, bands: int, bits: int) -> None:
        wide = np.random.default_rng(bands).integers(0, 256, (2, 6, 6, bands), np.uint8)
        stored = wide.astype(np.uint16) * 257 if bits == 16 else wide
        frames = [Frame(each, delay=(7, 0)) for each in stored]
        pixels = decoded(apng(frames))
        assert pixels.samples.shape == wide.shape
        assert (pixels.samples == wide).all()
        assert pixels.delays == (70, 70)

    def test_colours_of_the_whole_file_hold_for_every_frame(self) -> None:
        """A palette and its transparency."""
        palette = image_of(np.concatenate([corners(16, 8)] * 2)).pngsave_buffer(
            palette=True, bitdepth=8
        )
        still = open_image(palette, AMPLE).decode(all_frames=False).samples[0]
        parts = chunks(palette)
        data = b"".join(content for kind, content in parts if kind == b"IDAT")
        control = [struct.pack(">5I2H2B", at, 16, 16, 0, 0, 1, 10, 0, 0) for at in (0, 1)]
        made = [one for one in parts if one[0] not in (b"IDAT", b"IEND")]
        made += [(b"acTL", struct.pack(">II", 2, 0)), (b"fcTL", control[0]), (b"IDAT", data)]
        made += [(b"fcTL", control[1]), (b"fdAT", struct.pack(">I", 2) + data), (b"IEND", b"")]
        film = palette[:8] + b"".join(chunk(kind, content) for kind, content in made)
        samples = decoded(film).samples
        assert (samples == still).all() and len(samples) == 2

    @pytest.mark.parametrize(
        "broken",
        [
            apng([Frame(plain(RED)), Frame(plain(GREEN))], announced=3),
            apng([Frame(plain(RED)), Frame(plain(GREEN), left=1)]),
            apng([Frame(plain(RED)), Frame(plain(GREEN))]).replace(b"fdAT", b"fdAX"),
        ],
        ids=["count", "outside", "without data"],
    )
    def test_chunks_that_contradict_each_other_leave_a_still_image(self, broken: bytes) -> None:
        source = open_image(broken, AMPLE)
        assert source.frames == 1
        assert (source.decode(all_frames=True).samples == plain(RED[:3])).all()

    def test_a_wrong_checksum_counts_as_damage(self) -> None:
        data = bytearray(films()["apng"])
        data[data.rindex(b"fdAT") + 40] ^= 1
        source = open_image(bytes(data), AMPLE)
        with pytest.raises(InvalidImage):
            source.decode(all_frames=True)
        assert source.decode(all_frames=True, damaged=True).frames == 1

    def test_it_is_composed_as_chromium_shows_it(self, tmp_path: Path) -> None:
        """Every way to lay a frame on the canvas, after every way to leave one."""
        random = np.random.default_rng(3)
        frames = [Frame(random.integers(0, 256, (40, 48, 4), np.uint8))]
        for at in range(12):
            samples = random.integers(0, 256, (20, 24, 4), np.uint8)
            samples[5:15, 5:15, 3] = 255 * (at % 2)
            left, top = (int(one) for one in random.integers(0, 20, 2))
            frames.append(Frame(samples, left, top, after=at % 3, over=at % 4 != 1))
        file = tmp_path / "film.png"
        file.write_bytes(apng(frames))
        samples = decoded(file.read_bytes()).samples.astype(float)
        alpha = samples[..., 3:] / 255
        expected = samples[..., :3] * alpha + np.array(PAGE) * (1 - alpha)
        seen = frames_shown(file, "image/png", len(frames), 48, 40, PAGE)
        assert np.abs(seen - expected).max() <= 2


class TestAvif:
    @pytest.mark.parametrize("bands", [1, 3, 4])
    def test_grey_and_alpha_are_read(self, bands: int) -> None:
        samples = (moving() if bands < 4 else moving(bands=4)).samples
        samples = samples[..., :1] if bands == 1 else samples
        pixels = decoded(avif_sequence([np.ascontiguousarray(one) for one in samples], DELAYS))
        assert pixels.samples.shape[-1] == bands
        errors = np.abs(pixels.samples.astype(int) - samples)
        assert errors.mean() < 3 and (bands < 4 or errors[..., 3].max() <= 12)

    @pytest.mark.parametrize(
        ("box", "turn"),
        [(b"irot\1", np.rot90), (b"irot\2", lambda one: one[::-1, ::-1]), (b"imir\0", np.flipud)],
    )
    def test_every_frame_is_turned(
        self, box: bytes, turn: Callable[[npt.NDArray[np.uint8]], npt.NDArray[np.uint8]]
    ) -> None:
        """The box replaces that of the colours, in the still image and in the track."""
        frames = list(moving().samples)
        data = avif_sequence(frames, DELAYS).replace(b"\1\2\x83\4", b"\1\2\x83\x84")  # essential
        data = re.sub(rb"colrnclx.{7}", box + bytes(10), data, flags=re.DOTALL)
        source = open_image(data, AMPLE)
        pixels = source.decode(all_frames=True)
        assert (source.width, source.height) == (pixels.width, pixels.height)
        errors = np.abs(pixels.samples.astype(int) - np.stack([turn(one) for one in frames]))
        assert errors.mean() < 3

    def test_a_sequence_with_turns_in_an_unusual_order_stays_still(self) -> None:
        frames = list(moving().samples)
        data = avif_sequence(frames, DELAYS)
        at, size = data.rindex(b"colrnclx") - 4, 19
        turns = b"\0\0\0\x09imir\0" + b"\0\0\0\x0airot\1\0"
        source = open_image(data[:at] + turns + data[at + size :], AMPLE)
        assert source.animation is None
        assert np.abs(source.decode(all_frames=True).samples[0] - frames[0].astype(int)).mean() < 3

    @pytest.mark.parametrize("bits", [10, 12])
    def test_more_than_8_bits_are_read(self, bits: int) -> None:
        deep = [frame.astype(np.uint16) << bits - 8 for frame in moving().samples]
        pixels = decoded(avif_sequence(deep, DELAYS, bits))
        assert np.abs(pixels.samples.astype(int) - moving().samples).mean() < 3

    def test_the_place_of_chroma_samples_says_nothing_of_their_depth(self) -> None:
        deep = [frame.astype(np.uint16) << 2 for frame in moving().samples]
        data = bytearray(avif_sequence(deep, DELAYS, 10))
        settings = data.index(b"av1C", data.index(b"stsd")) + 4
        data[settings + 2] |= 3  # the lowest bits
        sequence = read_sequence(data, len(deep))
        assert sequence is not None and sequence.depth == 10

    def test_durations_are_rounded_to_milliseconds(self) -> None:
        """50, 70 and 90 units of a thousandth become units of a 1,024th."""
        data = bytearray(films()["avif"])
        media = data.index(b"mdhd") + 4
        scale = media + (20 if data[media] else 12)
        assert struct.unpack_from(">I", data, scale) == (1000,)
        struct.pack_into(">I", data, scale, 1024)
        expected = tuple(round(delay * 1000 / 1024) for delay in DELAYS)
        assert decoded(bytes(data)).delays == expected

    def test_frames_in_several_chunks_are_read(self) -> None:
        frames = [*moving().samples, moving().samples[0]]
        data = avif_sequence(frames, (100,) * 4)
        assert (decoded(with_chunks(data)).samples == decoded(data).samples).all()

    def test_only_the_lowest_flag_of_its_edits_repeats_it(self) -> None:
        data = bytearray(with_plays(films()["avif"], 3))
        data[data.index(b"elst") + 7] = 2
        sequence = read_sequence(bytes(data), len(DELAYS))
        assert sequence is not None and sequence.plays == 1

    def test_frames_without_a_duration_are_damage(self) -> None:
        data = bytearray(films()["avif"])
        struct.pack_into(">I", data, data.index(b"stts") + 8, 1)  # of runs: the first frame's
        with pytest.raises(InvalidImage):
            open_image(bytes(data), AMPLE)

    def test_pictures_larger_than_announced_are_not_decoded(self) -> None:
        """The boxes claim 16 x 16; a decoder would make 96 x 64."""
        data = films()["avif"]
        at = data.index(b"av01", data.index(b"stsd")) + 4 + 24
        assert struct.unpack_from(">2H", data, at) == (96, 64)
        smaller = data[:at] + struct.pack(">2H", 16, 16) + data[at + 4 :]
        source = open_image(smaller, AMPLE)
        assert (source.frames, source.pages) == (1, 3)

    def test_frames_that_libavif_would_scale_are_not_decoded(self) -> None:
        """It scales them to the sides of the track, which no limit knows."""
        data = bytearray(films()["avif"])
        header = data.index(b"tkhd") - 4
        (size,) = struct.unpack_from(">I", data, header)
        sides = header + size - 8
        assert struct.unpack_from(">2I", data, sides) == (96 << 16, 64 << 16)
        struct.pack_into(">2I", data, sides, 8000 << 16, 8000 << 16)
        source = open_image(bytes(data), AMPLE)
        assert (source.frames, source.pages) == (1, 3)

    def test_a_sequence_with_an_unknown_track_stays_still(self) -> None:
        """Libavif takes a track for alpha whatever its handler is."""
        data = avif_sequence(list(moving(bands=4).samples), DELAYS)
        assert data.count(b"auxv") == 1
        source = open_image(data.replace(b"auxv", b"soun"), AMPLE)
        assert (source.frames, source.pages) == (1, 3)

    def test_a_sequence_with_two_tracks_of_alpha_is_not_read(self) -> None:
        data = avif_sequence(list(moving(bands=4).samples), DELAYS)
        movie, mask = data.index(b"moov") - 4, data.rindex(b"trak") - 4
        sizes = [struct.unpack_from(">I", data, at)[0] for at in (movie, mask)]
        end = movie + sizes[0]
        twice = struct.pack(">I", sum(sizes)) + data[movie + 4 : end] + data[mask:][: sizes[1]]
        for file, readable in ((data, True), (data[:movie] + twice + data[end:], False)):
            sequence = read_sequence(file, 0)
            assert sequence is not None and sequence.readable is readable

    def test_a_still_image_followed_by_a_sequence_stays_still(self) -> None:
        """Its brand says what browsers show."""
        source = open_image(films()["avif"].replace(b"ftypavis", b"ftypavif", 1), AMPLE)
        assert (source.frames, source.pages) == (1, 3)
        assert source.decode(all_frames=True).frames == 1
