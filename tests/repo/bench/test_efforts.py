"""Efforts of encoders are compared by the bytes at equal scores."""

from __future__ import annotations

from autoquality_core.images import ImageLimits, open_image
from autoquality_core.types import Format
from bench.efforts import BYTES, SCORES, TIME, Found, efforts, found_in, measures_of, page
from bench.record import record_of
from tests.photos import crop


def test_a_slower_encoding_has_fewer_bytes_at_each_score() -> None:
    pixels = open_image(crop("coffee.png", 160, 120), ImageLimits(2**20, 2**20)).decode(
        all_frames=False
    )
    by_speed = {one.value: one for one in reversed(efforts()) if one.format is Format.AVIF}
    fast, slow = (found_in(pixels, by_speed[speed]) for speed in (9, 6))
    assert slow.seconds > fast.seconds > 0
    for few, many in zip(slow.sizes, fast.sizes, strict=True):
        assert few is not None
        assert many is not None
        assert few < many


def test_the_table_compares_with_the_default_of_each_format() -> None:
    sizes = (100.0, 200.0, None)
    found = [[Found(sizes, 0.5) for _ in efforts()] for _ in range(3)]
    found[0][1] = Found((110.0, 220.0, 330.0), 0.25)  # the second effort of WebP
    measures = list(measures_of(found))
    second = efforts()[1]
    setting = second.setting
    ratios = [one for one in measures if one.what == BYTES and one.setting == setting]
    assert [one.goal for one in ratios] == [f"{score:g}" for score in SCORES[:2]]
    assert all(1.03 < one.value < 1.034 and one.count == 3 for one in ratios)
    assert len([one for one in measures if one.what == TIME]) == len(efforts())
    text = page(record_of("efforts", measures, {"images": 3}))
    assert "| AVIF | **speed 8** | 0.500 | +0.0% | +0.0% | – |" in text
    assert f"| WebP | {setting} | 0.500 | +3.2% | +3.2% | – |" in text
