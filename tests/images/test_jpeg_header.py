"""The header of a plain JPEG says what libvips says of it."""

from __future__ import annotations

import io
import random
from collections.abc import Iterator

import numpy as np
import pytest
from PIL import Image

from autoquality_core.errors import InvalidImage
from autoquality_core.images import ImageLimits, Pixels, Source, open_image, source
from autoquality_core.images.jpeg import SingleScan, plain_exif, single_scan

LIMITS = ImageLimits(2**20, 10_000_000)
ORIENTATION, ARTIST = 0x0112, 0x013B
MUTANTS = 1500

PICTURE = Image.fromarray(
    np.linspace((0, 90, 255), (255, 20, 0), 56 * 40).reshape(40, 56, 3).astype(np.uint8)
)


def jpeg(mode: str = "RGB", orientation: int | None = None, **options: object) -> bytes:
    file = io.BytesIO()
    if orientation is not None:
        exif = Image.Exif()
        exif[ORIENTATION], exif[ARTIST] = orientation, "Ada"
        options["exif"] = exif
    PICTURE.convert(mode).save(file, "JPEG", **options)
    return file.getvalue()


PLAIN = {
    "colour": jpeg(),
    "optimised": jpeg(optimize=True, quality=95),
    "full chroma": jpeg(subsampling=0),
    "comment": jpeg(comment=b"hello", dpi=(72, 72)),
    "grey": jpeg("L"),
    "upright": jpeg(orientation=1),
}
NOT_PLAIN = {
    "progressive": jpeg(progressive=True),
    "CMYK": jpeg("CMYK"),
    "turned": jpeg(orientation=6),
    "no known orientation": jpeg(orientation=9),
    "profile": jpeg(icc_profile=b"\0" * 128),
    "XMP": jpeg(xmp=b"<x:xmpmeta/>"),
    "several images": jpeg("RGB") + jpeg("RGB"),
}


def plain_header(data: bytes) -> tuple[SingleScan, bytes] | None:
    scan = single_scan(data)
    exif = None if scan is None else plain_exif(data, scan)
    return None if scan is None or exif is None else (scan, exif)


def opened(data: bytes, *, plain: bool, monkeypatch: pytest.MonkeyPatch) -> Source:
    read = plain_exif if plain else lambda *_: None
    monkeypatch.setattr(source, "plain_exif", read)
    return open_image(data, LIMITS)


def outcome(
    data: bytes, *, plain: bool, monkeypatch: pytest.MonkeyPatch
) -> tuple[str, Source | None, Pixels | None]:
    """The reason of a refusal, the source if that was opened, the pixels if they were decoded."""
    found = None
    try:
        found = opened(data, plain=plain, monkeypatch=monkeypatch)
        return "", found, found.decode(all_frames=False)
    except InvalidImage as error:
        return error.reason, found, None


@pytest.mark.parametrize("name", PLAIN)
def test_plain_files_are_known_without_libvips(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    header = plain_header(PLAIN[name])
    assert header is not None
    scan, exif = header
    assert scan == (56, 40, 1 if name == "grey" else 3)
    assert bool(exif) == (name == "upright")
    sources = [opened(PLAIN[name], plain=one, monkeypatch=monkeypatch) for one in (True, False)]
    assert sources[0] == sources[1]


@pytest.mark.parametrize("name", [one for one in NOT_PLAIN if one != "several images"])
def test_other_files_are_left_to_libvips(name: str) -> None:
    assert plain_header(NOT_PLAIN[name]) is None


def test_what_follows_the_first_image_is_ignored_without_an_index() -> None:
    assert plain_header(NOT_PLAIN["several images"]) == (SingleScan(56, 40, 3), b"")


@pytest.mark.parametrize("cut", [2, 3, 11, 30, 200])
def test_a_file_that_ends_early_is_left_to_libvips(cut: int) -> None:
    assert plain_header(PLAIN["colour"][:cut]) is None


@pytest.mark.parametrize(("height", "width"), [(0, 56), (40, 0), (40, 65501), (65535, 65535)])
def test_sides_that_libjpeg_refuses_are_left_to_it(height: int, width: int) -> None:
    frame = PLAIN["colour"].index(b"\xff\xc0")
    sides = height.to_bytes(2, "big") + width.to_bytes(2, "big")
    data = PLAIN["colour"][: frame + 5] + sides + PLAIN["colour"][frame + 9 :]
    assert plain_header(data) is None


def test_a_header_of_too_many_pixels_is_refused() -> None:
    frame = PLAIN["colour"].index(b"\xff\xc0")
    data = PLAIN["colour"][: frame + 5] + b"\x20\0\x20\0" + PLAIN["colour"][frame + 9 :]
    with pytest.raises(InvalidImage) as refused:
        open_image(data, LIMITS)
    assert refused.value.reason == "IMAGE_TOO_LARGE"


def mutants(count: int) -> Iterator[bytes]:
    """Files with changed headers: bytes set, removed, inserted and repeated, and ends cut off."""
    chosen = random.Random(1)
    files = [*PLAIN.values(), *NOT_PLAIN.values()]
    odd = (0, 1, 2, 3, 4, 8, 16, 0xC0, 0xC2, 0xD0, 0xD9, 0xDA, 0xE1, 0xFF)
    for _ in range(count):
        data = bytearray(chosen.choice(files))
        end = data.index(b"\xff\xda") + 14
        for _ in range(chosen.choice((1, 1, 2, 3))):
            at = chosen.randrange(2, end)
            match chosen.randrange(5):
                case 0 | 1:
                    data[at : at + 1] = bytes((chosen.choice((*odd, chosen.randrange(256))),))
                case 2:
                    del data[at : at + chosen.choice((1, 2, 5, 20))]
                case 3:
                    data[at:at] = data[at : chosen.randrange(at, end + 1)] or b"\xff"
                case _:
                    del data[chosen.randrange(end, max(end, len(data)) + 1) :]
        yield bytes(data)


def test_changed_headers_are_read_as_by_libvips_or_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = 0
    for data in mutants(MUTANTS):
        if plain_header(data) is None:
            continue
        plain += 1
        reason, ours, pixels = outcome(data, plain=True, monkeypatch=monkeypatch)
        expected, theirs, samples = outcome(data, plain=False, monkeypatch=monkeypatch)
        assert reason == expected
        if theirs is not None:
            assert ours == theirs
        if pixels is not None and samples is not None:
            assert np.array_equal(pixels.samples, samples.samples)
    assert plain > MUTANTS / 10
