"""The resolution of colour: its values, its older names, and the choice that auto leaves open."""

from __future__ import annotations

from typing import Any

import pytest
import pyvips

from autoquality_core.formats import (
    AvifEncoder,
    AvifOptions,
    Encoder,
    JpegEncoder,
    JpegOptions,
    WebpEncoder,
    WebpOptions,
    options_of,
    updated,
)
from autoquality_core.images import ImageLimits, open_image
from autoquality_core.types import Chroma, Lossless
from tests.photos import crop

PHOTO = open_image(crop("coffee.png", 96, 64), ImageLimits(2**26, 2**26)).decode(all_frames=False)


def jpeg_is_subsampled(data: bytes) -> bool:
    return "4:2:0" in str(pyvips.Image.jpegload_buffer(data).get("jpeg-chroma-subsample"))


@pytest.mark.parametrize("base", [JpegOptions(), JpegOptions(progressive=True)])
@pytest.mark.parametrize(
    ("chroma", "below", "above"),
    [
        (Chroma.BY_QUALITY, True, False),
        (Chroma.SUBSAMPLED, True, True),
        (Chroma.FULL, False, False),
    ],
)
def test_a_jpeg_has_the_chroma_that_was_asked_for(
    base: JpegOptions, chroma: Chroma, below: bool, above: bool
) -> None:
    """By libjpeg-turbo with plain options, by libvips with others."""
    encoder = JpegEncoder(base.with_chroma(chroma))
    assert jpeg_is_subsampled(encoder.encode(PHOTO, 89)) is below
    assert jpeg_is_subsampled(encoder.encode(PHOTO, 90)) is above


def test_libjpeg_turbo_writes_every_chroma_as_libvips_does() -> None:
    for chroma in (Chroma.BY_QUALITY, Chroma.SUBSAMPLED, Chroma.FULL):
        encoder = JpegEncoder(JpegOptions(chroma=chroma))
        for quality in (40, 89, 90, 97):
            assert encoder.encode(PHOTO, quality) == encoder.by_libvips(PHOTO, quality)


def test_an_avif_has_the_chroma_that_was_asked_for() -> None:
    files = {
        chroma: [AvifEncoder(AvifOptions(chroma=chroma)).encode(PHOTO, one) for one in (89, 90)]
        for chroma in (Chroma.BY_QUALITY, Chroma.SUBSAMPLED, Chroma.FULL)
    }
    by_quality, subsampled, full = files.values()
    assert by_quality[0] == subsampled[0] != full[0]
    assert by_quality[1] == full[1] != subsampled[1]


def test_the_older_names_mean_the_same() -> None:
    for older, newer in (
        (JpegOptions(no_subsample=True), JpegOptions(chroma=Chroma.FULL)),
        (AvifOptions(no_subsample=True), AvifOptions(chroma=Chroma.FULL)),
        (WebpOptions(smart_subsample=True), WebpOptions(chroma=Chroma.SHARP)),
    ):
        assert older == newer
        assert hash(older) == hash(newer)


@pytest.mark.parametrize(
    "make",
    [
        lambda: JpegOptions(no_subsample=True, chroma=Chroma.SUBSAMPLED),
        lambda: AvifOptions(no_subsample=True, chroma=Chroma.AUTO),
        lambda: WebpOptions(smart_subsample=True, chroma=Chroma.AUTO),
    ],
)
def test_contradictions_are_refused(make: Any) -> None:
    with pytest.raises(ValueError, match="contradicts"):
        make()


def test_an_update_replaces_either_name() -> None:
    full = JpegOptions(chroma=Chroma.FULL, progressive=True)
    for asked in ({"no_subsample": False}, {"chroma": Chroma.BY_QUALITY}):
        assert updated(full, asked) == JpegOptions(progressive=True)
    auto = JpegOptions(chroma=Chroma.AUTO)
    assert updated(auto, {"no_subsample": True}).chroma is Chroma.FULL
    assert updated(auto, {"no_subsample": False}).chroma is Chroma.BY_QUALITY
    assert updated(auto, {"quant_table": 2}).chroma is Chroma.AUTO
    both = {"no_subsample": True, "chroma": Chroma.FULL}
    assert updated(JpegOptions(), both).no_subsample
    with pytest.raises(ValueError, match="contradicts no_subsample"):
        updated(JpegOptions(), {"no_subsample": True, "chroma": Chroma.SUBSAMPLED})


def variants(encoder: Encoder, *, grey: bool = False) -> list[tuple[Chroma | None, bool]]:
    return [(one.chroma, one.lossless) for one in encoder.variants(grey=grey)]


def test_auto_leaves_two_encoders_to_choose_from() -> None:
    two = [(Chroma.BY_QUALITY, False), (Chroma.FULL, False)]
    assert variants(JpegEncoder(JpegOptions(chroma=Chroma.AUTO))) == two
    assert variants(AvifEncoder(AvifOptions(chroma=Chroma.AUTO))) == two
    webp = WebpEncoder(WebpOptions(chroma=Chroma.AUTO, lossless=Lossless.NEVER))
    assert variants(webp) == [(Chroma.SUBSAMPLED, False), (Chroma.SHARP, False)]


def test_grey_has_no_chroma_to_choose() -> None:
    auto = JpegEncoder(JpegOptions(chroma=Chroma.AUTO))
    assert variants(auto, grey=True) == [(Chroma.BY_QUALITY, False)]


@pytest.mark.parametrize(
    ("lossless", "found"),
    [
        (Lossless.NEVER, ["lossy"]),
        (Lossless.SMALLER, ["lossy", "lossless", "near-lossless"]),
        (Lossless.ALWAYS, ["lossless"]),
    ],
)
def test_a_webp_is_lossy_lossless_or_either(lossless: Lossless, found: list[str]) -> None:
    variants = WebpEncoder(WebpOptions(lossless=lossless)).variants(grey=False)
    assert [one.takes_quality for one in variants] == [kind == "lossy" for kind in found]
    assert [one.lossless for one in variants] == [kind == "lossless" for kind in found]
    near = [one.near_lossless is not None for one in variants]
    assert near == [kind == "near-lossless" for kind in found]


def test_grey_images_have_no_near_lossless_variant() -> None:
    assert all(one.near_lossless is None for one in WebpEncoder().variants(grey=True))


def test_a_lossless_webp_has_exactly_the_samples() -> None:
    (encoder,) = WebpEncoder(WebpOptions(lossless=Lossless.ALWAYS)).variants(grey=False)
    data = encoder.encode(PHOTO, 0)
    assert data == encoder.encode(PHOTO, 77)
    assert (encoder.decode(data, PHOTO).samples == PHOTO.samples).all()


def test_choices_are_those_that_a_format_has() -> None:
    assert set(Chroma) == {
        chroma
        for options in (JpegOptions, WebpOptions)
        for option in options_of(options)
        if option.name == "chroma"
        for chroma in option.choices
    }
