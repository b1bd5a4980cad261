"""The settings of libvips: none at import, all of them at the first use."""

from __future__ import annotations

import logging

import pytest
import pyvips

from autoquality_core.errors import InvalidImage
from autoquality_core.formats import encoder_for
from autoquality_core.images import ImageLimits, configure, from_raw, open_image
from autoquality_core.types import Format, RawSource
from tests.commands import python
from tests.images.files import AMPLE, corners, image_of

LIMITS = ImageLimits(max_bytes=2**20, max_pixels=2**20)

SETTINGS = """
import logging, os, sys
import pyvips

def settings():
    try:
        pyvips.Image.svgload_buffer(b'<svg xmlns="http://www.w3.org/2000/svg"/>')
        blocked = False
    except pyvips.Error as error:
        blocked = "blocked" in str(error)
    loggers = len(pyvips.logger.filters), logging.getLogger("pyvips").level
    cache = pyvips.cache_get_max()
    return cache, pyvips.concurrency_get(), blocked, loggers, dict(os.environ)

pyvips.concurrency_set(3)
before = settings()
import autoquality_core.images as images
from autoquality_core.types import RawSource

LIMITS = images.ImageLimits(100_000, 100_000)
"""

FIRST_USES = {
    "open_image": "images.open_image(b'\\xff\\xd8\\xff', LIMITS)",
    "an unknown format": "images.open_image(b'hello, world', LIMITS)",
    "from_raw": "images.from_raw(RawSource(1, 1, 1, b'a'))",
    "source_formats": "images.source_formats()",
}


def printed(program: str) -> list[str]:
    return python(SETTINGS + program).stdout.split()


def test_importing_the_package_changes_no_setting() -> None:
    assert printed("print(settings() == before)") == ["True"]


@pytest.mark.parametrize("use", FIRST_USES.values(), ids=FIRST_USES)
def test_the_first_use_configures_libvips(use: str) -> None:
    """No cache, one thread, no loaders that are unsafe for untrusted files."""
    program = f"""
try:
    {use}
except images.source.InvalidImage:
    pass
cache, threads, blocked, *_ = settings()
print(cache, threads, blocked)
"""
    assert printed(program) == ["0", "1", "True"]


def test_the_first_use_keeps_the_settings_of_the_program() -> None:
    program = """
images.configure(concurrency=2)
images.from_raw(RawSource(1, 1, 1, b'a'))
print(pyvips.concurrency_get())
"""
    assert printed(program) == ["2"]


def test_configuring_again_changes_the_threads_and_nothing_else() -> None:
    configure()
    filters = len(pyvips.logger.filters)
    try:
        configure(concurrency=2)
        assert pyvips.concurrency_get() == 2
        assert len(pyvips.logger.filters) == filters
    finally:
        configure()
    assert pyvips.concurrency_get() == 1


def test_warnings_of_libvips_become_debug_messages(
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    configure()
    caplog.set_level(logging.DEBUG)
    tiff = bytearray(image_of(corners()).tiffsave_buffer())
    # Replace the first tag of the directory, ImageWidth, by a number that is not a tag.
    directory = int.from_bytes(tiff[4:8], "little")
    tiff[directory + 14 : directory + 16] = (65000).to_bytes(2, "little")
    with pytest.raises(InvalidImage):
        open_image(bytes(tiff), AMPLE).decode(all_frames=False)
    theirs = [record for record in caplog.records if "vips" in record.name.lower()]
    ours = [record for record in caplog.records if record.name.startswith("autoquality_")]
    assert ours, "libvips no longer warns about this file"
    assert all(record.levelno == logging.DEBUG for record in [*theirs, *ours])
    assert capfd.readouterr().err == ""


def test_no_image_gets_into_the_log_even_at_debug_level(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    pixels = from_raw(RawSource(64, 64, 3, bytes(64 * 64 * 3)))
    data = encoder_for(Format.JPEG).encode(pixels, 80)
    open_image(data, LIMITS).decode(all_frames=False)
    assert [record.name for record in caplog.records if "\\xff" in record.getMessage()] == []


def test_an_error_that_another_thread_overwrites_breaks_no_operation(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The shared errors are read at each look-up of an operation; half of one is no UTF-8."""
    configure()
    configure()  # the second time changes nothing
    torn = pyvips.ffi.new("char[]", b"heif: \xfe")

    class Torn:
        """libvips while another thread writes an error."""

        def __getattr__(self, name: str) -> object:
            return getattr(pyvips.vips_lib, name)

        def vips_error_buffer(self) -> object:
            return torn

    monkeypatch.setattr(pyvips.error, "vips_lib", Torn())
    image = pyvips.Image.black(4, 4)
    assert image.crop(0, 0, 2, 2).width == 2
