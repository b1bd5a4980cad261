"""cap_at_source: a JPEG is never encoded above its own quality, which its tables tell."""

from __future__ import annotations

import io
import itertools
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, JpegPresets

import autoquality_core as aq
from autoquality_core.formats import (
    BEST_MOZJPEG,
    AvifEncoder,
    Encoder,
    JpegEncoder,
    JpegOptions,
    JxlEncoder,
    PngEncoder,
    WebpEncoder,
)
from autoquality_core.images.jpeg import quantisation_tables
from autoquality_core.metrics import SSIMULACRA2
from autoquality_core.networks import load
from autoquality_core.pipeline.job import EncodeResult
from autoquality_core.pipeline.source_quality import source_quality
from autoquality_core.priors import score_prior
from autoquality_core.types import Format, NoticeCode, Outcome
from tests.formats.sources import grey, photograph
from tests.images.metadata_files import saved
from tests.networks import constant_graph, peak_at
from tests.pipeline.kept import codes

PLAIN = JpegEncoder()
QUALITIES = (1, 2, 10, 25, 49, 50, 51, 75, 89, 90, 95, 98, 99, 100)
PIXELS = 96 * 64
PRESETS = ("web_low", "web_medium", "web_high", "web_very_high", "web_maximum")
"""Photoshop's tables for the web, from worst to best."""


def by_pillow(quality: int, **options: Any) -> bytes:
    return saved("JPEG", photograph().samples[0], quality=quality, **options)


def with_tables(tables: Sequence[Sequence[int]]) -> bytes:
    file = io.BytesIO()
    Image.fromarray(photograph().samples[0]).save(file, "JPEG", qtables=tables, subsampling=0)
    return file.getvalue()


def preset(name: str) -> bytes:
    tables: Sequence[Sequence[int]] = JpegPresets.presets[name]["quantization"]
    return with_tables(tables)


@pytest.mark.parametrize("quality", QUALITIES)
def test_the_quality_of_libjpeg_is_exact(quality: int) -> None:
    for source in (
        by_pillow(quality),
        by_pillow(quality, progressive=True, subsampling=0),
        PLAIN.encode(photograph(), quality),
        PLAIN.encode(grey(), quality),
    ):
        assert source_quality(source, PLAIN, PIXELS) == quality


@pytest.mark.parametrize("table", range(9))
def test_the_quality_of_mozjpeg_is_exact_on_the_scale_of_its_table(table: int) -> None:
    encoder = JpegEncoder(JpegOptions(quant_table=table))
    for quality in QUALITIES[table % 2 :: 2]:
        source = encoder.encode(photograph(), quality)
        found = source_quality(source, encoder, PIXELS)
        assert found is not None and found >= quality
        same = encoder.encode(photograph(), found)
        assert quantisation_tables(same) == quantisation_tables(source)


@pytest.mark.parametrize("table", range(1, 9))
def test_the_quality_of_other_tables_rises_with_theirs(table: int) -> None:
    encoder = JpegEncoder(JpegOptions(quant_table=table))
    found = [
        source_quality(encoder.encode(photograph(), one), PLAIN, PIXELS) or 0
        for one in range(10, 96, 12)
    ]
    assert all(low < high for low, high in itertools.pairwise(found))


@pytest.mark.parametrize("name", [*PRESETS, "low", "medium", "high", "maximum"])
def test_the_quality_of_photoshop_looks_like_it(name: str) -> None:
    """The encoding at the estimate has nearly the same score as the file."""
    pixels = photograph(320, 240)
    file = io.BytesIO()
    tables = JpegPresets.presets[name]["quantization"]
    Image.fromarray(pixels.samples[0]).save(file, "JPEG", qtables=tables, subsampling=0)
    encoder = JpegEncoder(JpegOptions(no_subsample=True))
    reference = SSIMULACRA2.reference(pixels)

    def score(data: bytes) -> float:
        return reference.score(encoder.decode(data, pixels))

    found = source_quality(file.getvalue(), PLAIN, PIXELS)
    assert found is not None
    below, above = (encoder.encode(pixels, min(max(found + one, 1), 100)) for one in (-14, 14))
    assert score(below) < score(file.getvalue()) <= score(above)


def test_photoshops_presets_are_in_order() -> None:
    found = [source_quality(preset(name), PLAIN, PIXELS) or 0 for name in PRESETS]
    assert all(low < high for low, high in itertools.pairwise(found))


def test_a_table_of_its_own_for_the_second_chroma_does_not_count() -> None:
    usual = Image.open(io.BytesIO(by_pillow(80))).quantization  # type: ignore[attr-defined]
    source = with_tables([usual[0], usual[1], [255] * 64])
    assert len(set(quantisation_tables(source))) == 3
    assert source_quality(source, PLAIN, PIXELS) == 80


def test_tables_of_16_bits_are_read() -> None:
    data = by_pillow(50)
    (luma, chroma, _) = quantisation_tables(data)
    start = data.index(b"\xff\xdb")
    wide = b"".join(
        b"\xff\xdb" + struct.pack(">HB64H", 131, 16 + at, *table)
        for at, table in enumerate((luma, chroma))
    )
    rest = data.index(b"\xff\xc0")
    assert quantisation_tables(data[:start] + wide + data[rest:]) == (luma, chroma, chroma)


def test_a_file_without_its_tables_has_no_quality() -> None:
    data = by_pillow(50)
    start, end = data.index(b"\xff\xdb"), data.index(b"\xff\xc0")
    for broken in (b"", b"\xff\xd8", data[:start] + data[end:], data[: start + 40]):
        assert quantisation_tables(broken) == ()
        assert source_quality(broken, PLAIN, PIXELS) is None


def test_zeros_in_a_table_are_no_reason_to_fail() -> None:
    data = by_pillow(50)
    at = data.index(b"\xff\xdb") + 5
    assert source_quality(data[:at] + bytes(8) + data[at + 8 :], PLAIN, PIXELS) is not None


@pytest.mark.parametrize("encoder", [WebpEncoder(), AvifEncoder(), JxlEncoder()])
def test_on_another_scale_the_learned_scores_are_the_same(encoder: Encoder) -> None:
    jpeg, theirs = (score_prior(one, SSIMULACRA2, PIXELS).mean for one in (PLAIN, encoder))
    found = []
    for quality in range(10, 100, 10):
        own = source_quality(by_pillow(quality), encoder, PIXELS)
        assert own is not None
        assert theirs[own - 1] >= jpeg[quality - 1] or own == 100
        assert own == 1 or theirs[: own - 1].max() < jpeg[quality - 1]
        found.append(own)
    assert found == sorted(found)


def test_a_format_without_a_quality_has_none() -> None:
    assert source_quality(by_pillow(50), PngEncoder(), PIXELS) is None


# --- as a limit --------------------------------------------------------------


def encode(source: bytes, output: Any = Format.JPEG, **options: Any) -> EncodeResult:
    return aq.encode(source, output, **{"cap_at_source": True} | options)


@pytest.mark.parametrize(
    "options",
    [
        {"method": "size", "target": 1_000_000},
        {"method": "dssim", "target": 0.0},
        {"method": "ssimulacra2", "target": 100},
        {"quality": 90},
        {"method": "none"},
    ],
)
def test_no_method_exceeds_the_quality_of_the_source(options: dict[str, Any]) -> None:
    result = encode(by_pillow(50), **options)
    assert result.quality == 50
    assert codes(result) == [NoticeCode.QUALITY_CAPPED]
    assert result.applied.max_quality == 50
    assert max(one.quality for one in result.probes) == 50
    free = encode(by_pillow(50), **options, cap_at_source=False)
    assert free.quality > 50 and codes(free) == []


def test_a_limit_that_is_not_reached_is_not_reported() -> None:
    result = encode(by_pillow(90), method="size", target=900)
    assert result.quality < 90 and codes(result) == []
    assert result.applied.max_quality == 90
    assert codes(encode(by_pillow(75), quality=75)) == []
    assert codes(encode(by_pillow(75), quality=60)) == []


def test_a_higher_lower_limit_falls_to_the_quality_of_the_source() -> None:
    result = encode(by_pillow(40), method="dssim", target=0.02, min_quality=70, max_quality=80)
    assert (result.applied.min_quality, result.applied.max_quality) == (40, 40)
    assert (result.quality, codes(result)) == (40, [NoticeCode.QUALITY_CAPPED])


@pytest.mark.parametrize("encoder", [WebpEncoder(), AvifEncoder(), JxlEncoder()])
def test_another_format_has_the_limit_on_its_own_scale(encoder: Encoder) -> None:
    source = by_pillow(60)
    result = encode(source, encoder.format, method="size", target=1_000_000)
    assert result.quality == source_quality(source, encoder, PIXELS)
    assert codes(result) == [NoticeCode.QUALITY_CAPPED]


def test_only_a_jpeg_has_a_limit() -> None:
    png = saved("PNG", photograph().samples[0])
    assert codes(encode(png, quality=90)) == []
    assert encode(by_pillow(30), Format.PNG, quality=90).outcome is Outcome.NO_QUALITY


def test_the_table_of_the_output_is_the_scale() -> None:
    encoder = JpegEncoder(JpegOptions(quant_table=3))
    source = encoder.encode(photograph(), 60)
    assert encode(source, encoder, quality=90).quality == 60
    assert encode(source, PLAIN, quality=90).quality == source_quality(source, PLAIN, PIXELS) != 60


def test_a_source_that_is_kept_has_no_limit() -> None:
    source = PLAIN.encode(photograph(), 50)
    result = encode(source, method="size", target=len(source), keep_smaller_source=True)
    assert (result.image, result.outcome) == (source, Outcome.SOURCE_KEPT)
    assert (result.probes, codes(result)) == ((), [])


def test_a_network_has_the_limit_on_the_scale_of_its_encoder(tmp_path: Path) -> None:
    network = load(constant_graph(tmp_path / "a.pb", peak_at(95)))
    source = by_pillow(60)
    result = encode(source, method="ml", allowed_error=1, networks={Format.JPEG: network})
    network.close()
    assert result.predicted_quality == 95
    assert result.quality == source_quality(source, JpegEncoder(BEST_MOZJPEG), PIXELS) != 60
    assert codes(result) == [NoticeCode.QUALITY_CAPPED]
