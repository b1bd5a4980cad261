"""An encoding without a caller is stopped, if its encoder can be stopped."""

from __future__ import annotations

import io
import mmap
import weakref
from typing import Any

import numpy as np
import pytest
import pyvips

from autoquality_core.errors import RequestCancelled
from autoquality_core.formats import EncoderOptions, encoder_for
from autoquality_core.images import Pixels
from autoquality_core.pipeline.session import Session
from autoquality_core.runtime.deadline import Deadline
from autoquality_core.types import Format

NOISE = np.random.default_rng(0).integers(0, 256, (1, 2100, 2000, 3), np.uint8)
FILE: bytes = Pixels(NOISE).image.pngsave_buffer(compression=0)


def trial_of(pixels: Pixels, fmt: Format, deadline: Deadline) -> Session:
    return Session(pixels, encoder_for(fmt, EncoderOptions()), deadline)


@pytest.mark.parametrize("fmt", [Format.JPEG, Format.WEBP, Format.PNG])
def test_an_encoding_without_a_waiting_caller_is_stopped(fmt: Format) -> None:
    deadline, file = Deadline(), io.BytesIO(FILE)

    def read(size: int) -> bytes:
        """The file, and while its first half is read the caller goes away."""
        if file.tell() > len(FILE) / 4:
            deadline.cancel()
        return file.read(min(size, 10_000))

    source = pyvips.SourceCustom()
    source.on_read(read)
    image = pyvips.Image.new_from_source(source, "", access="sequential")
    image.set_progress(True)
    pixels = Pixels(NOISE)
    object.__setattr__(pixels, "_image", image)
    session = trial_of(pixels, fmt, deadline)
    with pytest.raises(RequestCancelled):
        session.probe(80)
    assert session.probes == []
    assert file.tell() < len(FILE)


def test_libwebp_is_stopped_after_it_has_every_pixel() -> None:
    deadline = Deadline()
    session = trial_of(Pixels(NOISE), Format.WEBP, deadline)
    seen: list[int] = []

    def at_its_work(_: pyvips.Image, progress: Any) -> None:
        seen.append(progress.percent)
        if progress.percent == 100:
            deadline.cancel()

    session.pixels.image.signal_connect("eval", at_its_work)
    with pytest.raises(RequestCancelled):
        session.probe(80)
    assert 100 in seen


class Mapping(mmap.mmap):
    """Memory of which one can see that it is gone."""


def test_the_pixels_are_not_held_on_to_until_the_call_ends() -> None:
    deadline, memory = Deadline(), Mapping(-1, 20 * 30 * 3)
    gone = weakref.ref(memory)
    samples = np.frombuffer(memory, np.uint8).reshape(1, 20, 30, 3)
    trial_of(Pixels(samples), Format.PNG, deadline).probe(80)
    del samples, memory
    assert gone() is None
    deadline.cancel()
