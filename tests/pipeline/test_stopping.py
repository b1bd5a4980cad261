"""An encoding that nobody waits for any more is stopped, where its encoder can be."""

from __future__ import annotations

from typing import Any

import pytest
import pyvips

from autoquality_server.codecs import CODECS
from autoquality_server.deadline import Deadline
from autoquality_server.domain import EncoderOptions, Format, Timings
from autoquality_server.errors import RequestCancelled
from autoquality_server.image import ImageLimits, open_image
from autoquality_server.methods import Trial
from tests.photos import crop

PHOTO = crop("astronaut.png", 320, 240)


def trial_of(fmt: Format, deadline: Deadline) -> Trial:
    pixels = open_image(PHOTO, ImageLimits(2**26, 50_000_000)).decode(all_frames=False)
    return Trial(pixels, CODECS[fmt], EncoderOptions(), deadline, Timings())


@pytest.mark.parametrize("fmt", [Format.JPEG, Format.WEBP, Format.PNG])
def test_an_encoding_that_nobody_waits_for_any_more_is_stopped(fmt: Format) -> None:
    deadline = Deadline()
    trial = trial_of(fmt, deadline)
    trial.pixels.image.signal_connect("eval", lambda *_: deadline.cancel())
    with pytest.raises(RequestCancelled):
        trial.probe(80, measure=False)
    assert trial.probes == []


def test_libwebp_is_stopped_after_it_has_every_pixel() -> None:
    deadline = Deadline()
    trial = trial_of(Format.WEBP, deadline)
    seen: list[int] = []

    def at_its_work(_: pyvips.Image, progress: Any) -> None:
        seen.append(progress.percent)
        if progress.percent == 100:
            deadline.cancel()

    trial.pixels.image.signal_connect("eval", at_its_work)
    with pytest.raises(RequestCancelled):
        trial.probe(80, measure=False)
    assert 100 in seen
