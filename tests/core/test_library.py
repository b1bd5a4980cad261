"""`import autoquality_core` works without a server, as docs/library.md says."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import fields
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import autoquality_core as aq
from autoquality_core.formats import EncoderOptions
from tests.photos import crop

ROOT = Path(__file__).parents[2]
SOURCE = crop("coffee.png", 96, 64)


def test_every_example_of_the_document_runs(tmp_path: Path) -> None:
    text = (ROOT / "docs/library.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert len(blocks) >= 5
    program = "\n".join(blocks).replace('"docs/', f'"{ROOT}/docs/')
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, timeout=250
    )
    assert done.returncode == 0, done.stderr
    assert "TARGET_MET" in done.stdout
    assert (tmp_path / "example.webp").stat().st_size > 1000


def test_every_public_name_can_be_imported() -> None:
    for name in aq.__all__:
        assert getattr(aq, name) is not None
    assert set(dir(aq)) == set(aq.__all__)


def test_jpg_is_another_name_of_jpeg() -> None:
    assert aq.encode(SOURCE, "jpg", quality=50).format is aq.Format.JPEG


@pytest.mark.parametrize("source", ["photo.jpg", Path("photo.jpg"), None])
def test_a_source_that_is_not_bytes_is_named(source: Any) -> None:
    with pytest.raises(TypeError, match="source must be the bytes of an image file, not"):
        aq.encode(source, "webp")
    with pytest.raises(TypeError, match="distorted must be the bytes of an image file, not"):
        aq.compare(SOURCE, source)


def test_a_printed_result_is_short() -> None:
    assert len(repr(aq.encode(SOURCE, "webp", quality=50))) < 2000


@pytest.mark.parametrize(
    ("target", "metric", "method"),
    [
        ("high", None, aq.Method.SSIMULACRA2),
        ("2kB", None, aq.Method.SIZE),
        (0.02, None, aq.Method.DSSIM),
        (70, "ssimulacra2", aq.Method.SSIMULACRA2),
    ],
)
def test_a_target_without_a_method_implies_it(
    target: float | str, metric: str | None, method: aq.Method
) -> None:
    assert aq.encode(SOURCE, "webp", target=target, metric=metric).applied.method is method


def test_sizes_may_have_a_unit() -> None:
    size = aq.encode(SOURCE, "webp", method="size", target="2kB")
    limited = aq.encode(SOURCE, "webp", method="ssimulacra2", target="high", max_bytes="2kB")
    assert (size.applied.target, limited.applied.limits.max_bytes) == (2000, 2000)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        aq.nothing  # type: ignore[attr-defined]  # noqa: B018


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"output": "gif"}, "output: must be one of jpeg, webp, avif, png, jxl, is gif"),
        ({"method": "best"}, "method: must be one of none, size, dssim, ml, ssimulacra2, is best"),
        ({"measure": ["psnr"]}, "measure: must be one of dssim, ssimulacra2, is psnr"),
        ({"method": "ml", "metric": "psnr"}, "metric: must be one of dssim, ssimulacra2, is psnr"),
        (
            {"method": "dssim", "metric": "ssimulacra2"},
            "metric: with method dssim it must be metric dssim or unset",
        ),
        ({"method": "dssim", "target": "high"}, "target: must be a number, 0 or more, not 'high'"),
        ({"target": "70"}, "must be a number, 0 or more, or one of low, medium"),
        (
            {"method": "ssimulacra2", "target": "best"},
            "or one of low, medium, high, very_high, excellent, visually_lossless, not 'best'",
        ),
        ({"method": "size"}, "target: method size needs a target"),
        ({"max_bytes": "big"}, "max_bytes: must be a size of 1 byte or more, such as 100kB"),
        ({"max_bytes": "1" * 400}, "max_bytes: must be less than 8 EiB"),
        ({"max_bytes": 0}, "max_bytes: must be 1 or more, is 0"),
        ({"worst": {"psnr": 30}}, "worst: must be one of dssim, ssimulacra2, is psnr"),
        ({"worst": {"dssim": "high"}}, "worst: must be a number, 0 or more, not 'high'"),
        ({"quality": 80, "min_quality": 0}, "min_quality: must be from 1 to 100"),
        ({"quality": 101}, "quality: must be a whole number from 1 to 100, is 101"),
        ({"quality": "80"}, "quality: must be a whole number from 1 to 100, is '80'"),
        ({"min_quality": 20.5}, "min_quality: must be a whole number, is 20.5"),
        ({"max_bytes": 10.5}, "max_bytes: must be a whole number, is 10.5"),
        ({"min_width": "a"}, "min_width: must be a whole number, is 'a'"),
        ({"color_profile": "P3"}, "color_profile: must be one of srgb, keep, is P3"),
        ({"background": "red"}, "background: must be three whole numbers from 0 to 255"),
        ({"background": (1, 2, 300)}, "background: must be a whole number from 0 to 255, is 300"),
        (
            {"output": aq.JpegEncoder(aq.JpegOptions(quant_table=12))},
            "jpeg.quant_table: must be a whole number from 0 to 8, is 12",
        ),
        ({"output": aq.WebpEncoder}, "output: must be a format, an encoder such as WebpEncoder("),
        ({"timeout": "5"}, "timeout: must be a number, is '5'"),
        ({"timeout": float("nan")}, "timeout: must be a number, is nan"),
        ({"timeout": -1}, "timeout: must be 0 seconds or more, is -1"),
        (
            {"worst": ["dssim"]},
            """worst: must be a score by metric, such as {"dssim": 0.01}, is [""",
        ),
        ({"worst": {"dssim": None}}, "worst: must be a DSSIM, is None"),
        ({"worst": {"dssim": 2}}, "worst: must be a DSSIM from 0 to 1, is 2"),
        ({"target": [0.01]}, "target: must be a number, is [0.01]"),
        ({"allowed_error": "0.1"}, "allowed_error: must be a number, is '0.1'"),
        ({"measure": None}, "measure: must be a list of metrics"),
        ({"metric": ["dssim"], "method": "ml"}, "metric: must be one of dssim, ssimulacra2, is ["),
        ({"networks": ["a"]}, "networks: must be as bundled_networks() returns them, is ['a']"),
        ({"limits": None}, "limits: must be an ImageLimits, is None"),
        ({"background": None}, "background: must be three whole numbers from 0 to 255"),
        ({"output": []}, "output: is empty: name a format, or leave it out"),
        (
            {"output": [aq.AvifEncoder(aq.AvifOptions(speed=s)) for s in (6, 8)]},
            "output: has two encoders for avif",
        ),
        ({"target": np.array([0.01, 0.02])}, "target: must be a number, is array("),
        ({"method": "size", "target": 10**400}, "must be a number, is an integer of 1329 bits"),
        ({"max_bytes": 2**63}, "max_bytes: must be a whole number between -2**63 and 2**63, is 92"),
        ({"min_width": 10**5000}, "and 2**63, is an integer of 16610 bits"),
        ({"target": 70}, "target: without a method it is a DSSIM from 0 to 1, a word, or a size"),
        ({"output": SOURCE}, "output: must be a format, an encoder such as WebpEncoder("),
        ({"max_bytes": []}, "max_bytes: must be a whole number, is []"),
        ({"max_bytes": True}, "max_bytes: must be a whole number, is True"),
        ({"worst": {"dssim": np.zeros(2)}}, "worst: must be a DSSIM, is array("),
        ({"keep_metadata": "no"}, "keep_metadata: must be True or False, is 'no'"),
        (
            {"output": aq.JpegEncoder(aq.JpegOptions(progressive="yes"))},  # type: ignore[arg-type]
            "jpeg.progressive: must be True or False, is 'yes'",
        ),
        (
            {"limits": aq.ImageLimits("x", 1)},  # type: ignore[arg-type]
            "limits.max_bytes: must be a number, is 'x'",
        ),
        (
            {"networks": {"webp": "my.pb"}},
            "networks: must be as bundled_networks() or load() returns them, is 'my.pb'",
        ),
        (
            {"networks": {"gif": None}},
            "networks: must be one of jpeg, webp, avif",
        ),
        ({"output": aq.WebpEncoder(aq.JpegOptions())}, "webp: must be a WebpOptions, is JpegOp"),
        ({"output": ["webp", "avif"]}, "output: formats cannot be compared by DSSIM"),
        ({"quality": 80, "target": "high"}, "quality: is fixed, without a search: leave out"),
        ({"quality": 80, "method": "size"}, "quality: is fixed, without a search: leave out"),
        (
            {"output": aq.WebpEncoder(aq.WebpOptions(lossless=True))},
            "webp.lossless: must be one of never, smaller, always; is True",
        ),
    ],
)
def test_a_wrong_argument_is_named_with_what_would_be_right(
    arguments: dict[str, object], message: str
) -> None:
    with pytest.raises(aq.InvalidRequest, match=re.escape(message)) as raised:
        aq.encode(SOURCE, **arguments)
    assert len(str(raised.value)) < 400


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (aq.RawSource(0, 8, 3, b""), "source.width: must be 1 or more, is 0"),
        (aq.RawSource("8", 8, 3, b""), "source.width: must be a whole number, is '8'"),  # type: ignore[arg-type]
        (aq.RawSource(8, 8, 3, b"few"), "source.pixels: 8x8x3 needs 192 bytes, got 3"),
    ],
)
def test_wrong_bare_pixels_are_named(raw: aq.RawSource, message: str) -> None:
    with pytest.raises(aq.InvalidRequest, match=re.escape(message)):
        aq.encode(raw, "webp")


def test_bare_pixels_come_from_an_array() -> None:
    samples: Any = np.zeros((8, 12, 3), np.uint8)
    for call in (lambda: aq.encode(samples), lambda: aq.encode(aq.RawSource(12, 8, 3, samples))):
        with pytest.raises(TypeError, match=r"not ndarray: .*RawSource.from_array\(array\)"):
            call()
    result = aq.encode(aq.RawSource.from_array(samples[:, ::2]), "webp", quality=50)
    assert (result.width, result.height) == (6, 8)
    assert aq.RawSource.from_array(samples[..., 0]).bands == 1
    with pytest.raises(ValueError, match="of unsigned 8-bit samples, not 3-dimensional"):
        aq.RawSource.from_array(samples / 255)


@pytest.mark.parametrize("step", [1, 2])
def test_a_view_may_have_gaps_and_several_dimensions(step: int) -> None:
    samples = np.zeros((8, 8 * step, 3), np.uint8)[:, ::step]
    raw = aq.RawSource(8, 8, 3, memoryview(samples))
    assert aq.encode(raw, "webp", quality=50).width == 8
    view = memoryview(np.repeat(np.frombuffer(SOURCE, np.uint8), step)[::step])
    assert aq.compare(view, bytearray(SOURCE)).scores["dssim"] == 0


def test_numbers_of_numpy_become_plain_ones() -> None:
    assert type(aq.encode(SOURCE, "webp", quality=np.int64(50)).quality) is int  # type: ignore[arg-type]


def test_networks_may_be_named_by_text() -> None:
    networks: Any = {"webp": aq.bundled_networks()[aq.Format.WEBP]}
    result = aq.encode(SOURCE, "webp", method="ml", target=0.02, networks=networks)
    assert not [one for one in result.notices if "served as" in one.message]


def test_the_signature_names_every_argument() -> None:
    parameters = inspect.signature(aq.encode).parameters
    reading = {one.name for one in fields(EncoderOptions)} - {one.value for one in aq.Format}
    assert reading < parameters.keys()
    assert not [one for one in parameters.values() if one.kind is one.VAR_KEYWORD]


def test_an_unusable_source_and_a_notice_have_the_librarys_names() -> None:
    with pytest.raises(aq.InvalidImage, match="source: must not be empty") as raised:
        aq.encode(b"", "webp")
    assert raised.value.field == "source"
    assert "served as method dssim" in aq.encode(SOURCE, "webp", method="ml").notices[0].message


def test_a_comparison_names_wrong_arguments() -> None:
    with pytest.raises(aq.InvalidRequest, match="timeout: must be a number, is '5'"):
        aq.compare(SOURCE, SOURCE, timeout="5")  # type: ignore[arg-type]
    with pytest.raises(aq.InvalidRequest, match="limits: must be an ImageLimits, is None"):
        aq.compare(SOURCE, SOURCE, limits=None)  # type: ignore[arg-type]


def test_names_may_stand_for_enums_and_lists() -> None:
    result = aq.encode(SOURCE, "png", measure="dssim", color_profile="keep")
    assert set(result.scores) == {"dssim"}


def test_another_process_gives_the_same_answer() -> None:
    """Arguments and results are pickled, as Ray and Spark do."""
    encoder = aq.AvifEncoder(aq.AvifOptions(speed=8))
    call = partial(aq.encode, SOURCE, encoder, method="ml", networks=aq.bundled_networks())
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        there = pool.submit(call).result(timeout=200)
    here = call()
    assert (there.image, there.scores, there.quality) == (here.image, here.scores, here.quality)
    assert there.predicted_quality is not None


def test_a_fork_is_refused_where_it_would_wait_forever() -> None:
    aq.encode(SOURCE, "webp", quality=50)
    with (
        ProcessPoolExecutor(1, mp_context=get_context("fork")) as pool,
        pytest.raises(RuntimeError, match=r"start processes by multiprocessing.get_context"),
    ):
        pool.submit(aq.encode, SOURCE, "webp", quality=50).result(timeout=60)


def test_another_process_gives_the_same_error() -> None:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        for arguments in ({"quality": 101}, {"timeout": 0.0}, {"target": 2, "max_bytes": 0}):
            with pytest.raises(aq.ServiceError) as here:
                aq.encode(SOURCE, **arguments)
            there: Any = pool.submit(aq.encode, SOURCE, **arguments).exception(timeout=200)
            assert type(there) is type(here.value)
            assert (str(there), there.reason) == (str(here.value), here.value.reason)
            assert [str(one) for one in getattr(there, "others", ())] == [
                str(one) for one in getattr(here.value, "others", ())
            ]
