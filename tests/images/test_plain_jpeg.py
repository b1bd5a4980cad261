"""JPEG files decoded by libjpeg-turbo: the same samples and the same errors as by libvips."""

from __future__ import annotations

import random
from itertools import product

import cv2
import numpy as np
import pytest
import pyvips
from skimage import data as photographs

from autoquality_core.errors import InvalidImage
from autoquality_core.images import open_image, plain_files
from autoquality_core.images.jpeg import single_scan
from autoquality_core.images.plain_files import decode_plain_jpeg
from tests.images.files import AMPLE

SAMPLINGS = (0x411111, 0x221111, 0x211111, 0x121111, 0x111111)
SIDES = ((1, 1), (7, 5), (17, 33), (61, 83), (255, 1), (1, 99))
PHOTOGRAPH = photographs.astronaut()


def jpeg(width: int, height: int, *options: int) -> bytes:
    options = (cv2.IMWRITE_JPEG_QUALITY, 80, *options)
    return bytes(cv2.imencode(".jpg", PHOTOGRAPH[:height, :width], options)[1])


BASELINE = jpeg(61, 83)
RESTARTS = jpeg(61, 83, cv2.IMWRITE_JPEG_RST_INTERVAL, 2)
PROGRESSIVE = jpeg(61, 83, cv2.IMWRITE_JPEG_PROGRESSIVE, 1)


def by_libvips(data: bytes) -> np.ndarray | None:
    try:
        image = pyvips.Image.jpegload_buffer(data, access="sequential", fail_on="error")
        samples = np.frombuffer(image.write_to_memory(), np.uint8)
    except (pyvips.Error, UnicodeDecodeError):
        return None
    return samples.reshape(1, image.height, image.width, image.bands)


def decoded(data: bytes | memoryview, width: int, height: int, bands: int) -> np.ndarray | None:
    scan = single_scan(data)
    return None if scan is None else decode_plain_jpeg(data, scan, width, height, bands)


def test_the_samples_are_those_of_libvips() -> None:
    for (width, height), sampling in product(SIDES, SAMPLINGS):
        data = jpeg(width, height, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, sampling)
        found = decoded(memoryview(data), width, height, 3)
        assert found is not None
        assert np.array_equal(found, by_libvips(data)), (width, height, sampling)


def test_grey_stays_grey_and_an_orientation_is_not_applied() -> None:
    grey = pyvips.Image.new_from_array(PHOTOGRAPH[:40, :61, 0]).cast("uchar")
    data = grey.jpegsave_buffer()
    assert np.array_equal(decoded(data, 61, 40, 1), by_libvips(data))
    turned = pyvips.Image.jpegload_buffer(BASELINE).copy()
    turned.set_type(pyvips.GValue.gint_type, "orientation", 6)
    data = turned.jpegsave_buffer()
    assert np.array_equal(decoded(data, 61, 83, 3), by_libvips(data))
    assert open_image(data, AMPLE).decode(all_frames=False).width == 83


def test_other_kinds_are_left_to_libvips(monkeypatch: pytest.MonkeyPatch) -> None:
    cmyk = pyvips.Image.jpegload_buffer(BASELINE).colourspace("cmyk").jpegsave_buffer()
    assert decoded(cmyk, 61, 83, 4) is None
    assert decoded(BASELINE, 83, 61, 3) is None, "other sides than the header's"
    assert decoded(PROGRESSIVE, 61, 83, 3) is None, "several scans"
    separate = bytearray(BASELINE)
    separate[BASELINE.index(b"\xff\xda") + 4] = 1
    assert decoded(bytes(separate), 61, 83, 3) is None, "a scan of one component"
    monkeypatch.setattr(plain_files, "_MOST_PIXELS", 61 * 83 - 1)
    assert decoded(BASELINE, 61, 83, 3) is None, "too large to be stopped"


@pytest.mark.parametrize("whole", [BASELINE, RESTARTS])
def test_damaged_files_are_refused_or_read_as_libvips_does(whole: bytes) -> None:
    chance = random.Random(1)
    count = 0
    for _ in range(400):
        data = bytearray(whole)
        if chance.random() < 0.3:
            data = data[: chance.randrange(30, len(data))]
        if chance.random() < 0.2:
            at = chance.randrange(400, len(whole))
            del data[at : at + chance.randrange(1, 300)]
        for _ in range(chance.randrange(4)):
            data[chance.randrange(30, len(data))] = chance.randrange(256)
        found = decoded(bytes(data), 61, 83, 3)
        if found is not None:
            count += 1
            assert np.array_equal(found, by_libvips(bytes(data)))
    assert 50 < count < 390


def test_a_file_may_have_more_behind_the_image() -> None:
    """Phones store a second image or a film there."""
    for more in (b"\0" * 9, BASELINE, b"\xff\xd8\xff"):
        found = decoded(BASELINE + more, 61, 83, 3)
        assert found is not None
        assert np.array_equal(found, by_libvips(BASELINE))


def test_damage_says_nothing_on_stderr(capfd: pytest.CaptureFixture[str]) -> None:
    damaged = RESTARTS[:900] + RESTARTS[950:]
    assert decoded(damaged, 61, 83, 3) is not None
    assert capfd.readouterr().err == ""


def test_truncated_files_are_errors_of_the_caller_unless_allowed() -> None:
    for data in (BASELINE[: len(BASELINE) // 2], RESTARTS[:-1], BASELINE[:-2]):
        assert decoded(data, 61, 83, 3) is None
        source = open_image(data, AMPLE)
        with pytest.raises(InvalidImage):
            source.decode(all_frames=False)
        assert source.decode(all_frames=False, damaged=True).height == 83
