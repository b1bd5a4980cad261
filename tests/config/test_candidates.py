"""The settings of candidates, chroma and lossless files."""

from __future__ import annotations

import pytest

from autoquality_core.types import Chroma, Format, Lossless
from autoquality_server.config import parse
from tests.config.test_load import read, refused


def test_candidates_are_formats_separated_by_commas() -> None:
    assert parse.formats("avif, WebP,jpg,avif") == (Format.AVIF, Format.WEBP, Format.JPEG)
    assert parse.formats("") == ()
    with pytest.raises(ValueError, match="must be formats separated by commas: jpeg, webp"):
        parse.formats("avif,gif")


def test_candidates_become_defaults_of_requests() -> None:
    settings = read({"AUTOQUALITY_CANDIDATES": "avif,webp"})
    assert settings.defaults().candidates == (Format.AVIF, Format.WEBP)
    assert read().defaults().candidates == ()
    assert read({"AUTOQUALITY_CANDIDATES": "avif"}, candidates="").defaults().candidates == ()
    assert refused(candidates="best").startswith("--candidates: must be formats separated by")


def test_chroma_and_lossless_have_the_values_of_their_format() -> None:
    options = read(webp_chroma="auto", webp_lossless="never", avif_chroma="full").encoder_options()
    assert (options.webp.chroma, options.webp.lossless) == (Chroma.AUTO, Lossless.NEVER)
    assert options.avif.no_subsample
    assert "must be subsampled, sharp or auto" in refused(webp_chroma="full")
    assert "must be by_quality, subsampled, full or auto" in refused(jpeg_chroma="sharp")


def test_the_older_name_of_a_chroma_must_agree_with_it() -> None:
    older = {"IMGPROXY_JPEG_NO_SUBSAMPLE": "true"}
    assert read(older).encoder_options().jpeg.chroma is Chroma.FULL
    assert read(older, jpeg_chroma="full").encoder_options().jpeg.no_subsample
    message = refused(older, jpeg_chroma="auto")
    assert message == "--jpeg-chroma: must be full with IMGPROXY_JPEG_NO_SUBSAMPLE, not auto"
    assert "--webp-chroma: must be sharp" in refused(
        webp_smart_subsample="true", webp_chroma="auto"
    )
