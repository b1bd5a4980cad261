"""The request and the result of an encode."""

from __future__ import annotations

import math
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from autoquality import (
    AutoQuality,
    AvifOptions,
    Client,
    ColorProfile,
    Format,
    JpegOptions,
    Method,
    Metric,
    Notice,
    NoticeCode,
    Outcome,
    PngOptions,
    Probe,
    Timings,
    WebpOptions,
    WebpPreset,
)
from autoquality.testing import FakeServer
from autoquality.v1 import encoding_pb2 as pb
from tests.client.conftest import EVERY_OPTION, sent
from tests.waiting import LIMIT


def test_a_call_without_options_sends_only_the_image(server: FakeServer, client: Client) -> None:
    client.encode(b"photo")
    assert sent(server) == pb.EncodeRequest(image=b"photo")


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"quality": 80.5}, r"quality must be a whole number, not 80\.5"),
        ({"min_quality": "10"}, "min_quality must be a whole number, not '10'"),
        ({"max_bytes": 1.5}, r"max_bytes must be a whole number, not 1\.5"),
        ({"max_dssim": "a"}, "max_dssim must be a number, not 'a'"),
        ({"may_shrink": "yes"}, "may_shrink must be True or False, not 'yes'"),
        ({"background": 7}, "background must be a string, not 7"),
        ({"webp": WebpOptions(effort="4")}, "effort must be a whole number, not '4'"),
        ({"webp": 5}, "webp must be a WebpOptions, not 5"),
        ({"webp": {"effort": "4"}}, "webp must be a WebpOptions, not {'effort': '4'}"),
    ],
)
def test_an_option_of_a_wrong_type_is_named(
    server: FakeServer, client: Client, options: Any, error: str
) -> None:
    with pytest.raises(TypeError, match=error):
        client.encode(b"photo", **options)
    assert not server.requests


WHOLE = pb.AutoQuality(
    method=pb.METHOD_DSSIM, target=0.02, min_quality=70, max_quality=80, allowed_error=0.001
)


def test_jpg_is_another_name_of_jpeg(server: FakeServer, client: Client) -> None:
    for name in ("jpg", "JPG", "jpeg", Format.JPEG):
        client.encode(b"photo", format=name)
        assert sent(server).format == pb.FORMAT_JPEG
    assert Format("jpg") is Format.JPEG
    with pytest.raises(ValueError, match="format must be one of jpeg, webp, avif, png, jxl, not"):
        client.encode(b"photo", format="unknown")


def test_every_option_is_sent_in_its_field(server: FakeServer, client: Client) -> None:
    client.encode(
        b"photo",
        format=Format.WEBP,
        auto_quality=AutoQuality(Method.DSSIM, 0.02, 70, 80, 0.001),
        jpeg=JpegOptions(
            progressive=True,
            no_subsample=False,
            trellis_quant=True,
            overshoot_deringing=True,
            optimize_scans=False,
            quant_table=3,
        ),
        webp=WebpOptions(effort=0, preset=WebpPreset.TEXT, smart_subsample=True, alpha_quality=0),
        avif=AvifOptions(speed=9, no_subsample=True),
        png=PngOptions(compression=0, interlaced=True, quantize=True, quantization_colors=16),
        background="#102030",
        keep_metadata=True,
        measure_dssim=True,
        measure=["dssim", Metric.SSIMULACRA2],
        allow_truncated=True,
        keep_copyright=False,
        color_profile=ColorProfile.KEEP,
        keep_hidden_colors=True,
        keep_smaller_source=True,
        cap_at_source=True,
        may_shrink=True,
        min_width=320,
    )
    expected = pb.EncodeRequest(image=b"photo", auto_quality=WHOLE)
    expected.MergeFrom(EVERY_OPTION)
    assert sent(server) == expected


def test_an_option_that_is_not_given_is_absent_from_the_request(
    server: FakeServer, client: Client
) -> None:
    off = dict.fromkeys(("allow_truncated", "keep_hidden_colors", "keep_smaller_source"), False)
    client.encode(b"photo", jpeg=JpegOptions(quant_table=0), min_quality=60, **off)
    assert sent(server).jpeg.HasField("quant_table")
    assert not sent(server).jpeg.HasField("progressive")
    assert all(sent(server).HasField(name) and not getattr(sent(server), name) for name in off)
    assert not sent(server).HasField("cap_at_source")
    assert sent(server).auto_quality == pb.AutoQuality(min_quality=60)


@pytest.mark.parametrize(
    "spec",
    [
        {"auto_quality": "dssim:0.02:70:80:0.001"},
        {"auto_quality": AutoQuality(Method.DSSIM, 0.02, 70, 80, 0.001)},
        {
            "method": "dssim",
            "target": 0.02,
            "min_quality": 70,
            "max_quality": 80,
            "allowed_error": 0.001,
        },
    ],
)
def test_a_spec_can_be_an_object_or_notation_or_parts(
    server: FakeServer, client: Client, spec: dict[str, Any]
) -> None:
    client.encode(b"photo", **spec)
    assert sent(server).auto_quality == WHOLE


@pytest.mark.parametrize(
    "spec",
    [
        {"auto_quality": "dssim:0.02:70:80:0.001", "max_bytes": "1.5MiB", "min_ssimulacra2": "low"},
        {"auto_quality": AutoQuality(Method.DSSIM, 0.02, 70, 80, 0.001, max_bytes=1_572_864)}
        | {"min_ssimulacra2": 30},
    ],
)
def test_limits_are_parts_that_the_notation_does_not_have(
    server: FakeServer, client: Client, spec: dict[str, Any]
) -> None:
    encoded = client.encode(b"photo", max_dssim=0.1, **spec)
    asked = sent(server).auto_quality
    assert (asked.max_bytes, asked.max_dssim, asked.min_ssimulacra2) == (1_572_864, 0.1, 30)
    assert (asked.method, asked.target) == (pb.METHOD_DSSIM, 0.02)
    assert encoded.applied.max_bytes == 1_572_864
    assert str(encoded.applied) == "dssim:0.02:70:80:0.001"
    assert client.encode(b"photo").applied.max_bytes is None


def test_a_quality_alone_means_no_search(server: FakeServer, client: Client) -> None:
    encoded = client.encode(b"photo", quality=55)
    assert sent(server).auto_quality.method == pb.METHOD_NONE
    assert (encoded.quality, encoded.outcome) == (55, Outcome.FIXED_QUALITY)


@pytest.mark.parametrize(
    ("spec", "method"),
    [
        ({"target": 0.02}, pb.METHOD_DSSIM),
        ({"target": "high"}, pb.METHOD_SSIMULACRA2),
        ({"target": "20kB"}, pb.METHOD_SIZE),
        ({"target": 70}, pb.METHOD_UNSPECIFIED),
        ({"auto_quality": AutoQuality(target=0.02)}, pb.METHOD_UNSPECIFIED),
        ({"auto_quality": ":0.02"}, pb.METHOD_UNSPECIFIED),
    ],
)
def test_a_target_alone_implies_its_method(
    server: FakeServer, client: Client, spec: dict[str, Any], method: pb.Method.ValueType
) -> None:
    client.encode(b"photo", **spec)
    assert sent(server).auto_quality.method == method


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"auto_quality": "dssim", "target": 0.01}, "either auto_quality or its parts"),
        ({"auto_quality": "dssim:x"}, "target must be a number"),
        ({"method": "ssimulacra2", "target": "best"}, "or one of low, medium, high, very_high"),
        ({"method": "dssim", "target": "high"}, "words are for ssimulacra2"),
        ({"target": 10**400}, "target: int too large"),
        ({"max_bytes": "a lot"}, "max_bytes must be a size of 1 byte or more, such as 100kB"),
        ({"max_bytes": 10**20}, r"max_bytes must be between -2\*\*63 and 2\*\*63, not 1000000"),
        ({"min_width": 10**10}, r"min_width must be between -2\*\*31 and 2\*\*31, not 10000000000"),
        ({"timeout": math.nan}, "timeout must be 0 seconds or more, or None for no limit, not nan"),
        ({"timeout": -1}, "timeout must be 0 seconds or more, or None for no limit, not -1"),
        ({"min_ssimulacra2": "best"}, "min_ssimulacra2 must be a number, 0 or more, or one of"),
        ({"method": "ml", "metric": "ssim"}, "metric must be one of dssim, ssimulacra2"),
        ({"measure": ["ssim"]}, "measure must be one of dssim, ssimulacra2, not 'ssim'"),
        ({"method": "best"}, "method must be one of none, size, dssim, ml"),
        ({"candidates": "avif,webp"}, r"candidates must be a list such as \['avif', 'webp'\]"),
        ({"format": "webp", "accept": "image/avif"}, "either format or accept, not both"),
        ({"request_id": "a\nb"}, "request_id must be printable ASCII"),
        ({"format": "bmp"}, "format must be one of jpeg, webp, avif, png"),
        ({"format": Format.UNKNOWN}, "format must be one of"),
        ({"webp": WebpOptions(preset="tax")}, "preset must be one of"),
    ],
)
def test_invalid_arguments_are_refused_before_anything_is_sent(
    server: FakeServer, client: Client, arguments: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(ValueError, match=complaint):
        client.encode(b"photo", **arguments)
    assert server.requests == ()


def test_an_unknown_option_raises_type_error(client: Client) -> None:
    with pytest.raises(TypeError, match="unknown option: fromat"):
        client.encode(b"photo", fromat="webp")  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="unknown option: fromat"):
        client.encode_stream(b"photo", fromat="webp")  # type: ignore[call-arg]


@pytest.mark.parametrize("timeout", [1e9, 1e12, float("inf")])
def test_a_huge_timeout_does_not_expire_at_once(client: Client, timeout: float) -> None:
    assert client.encode(b"jpeg", timeout=timeout).quality


def test_the_result_has_every_field_of_the_answer(server: FakeServer, client: Client) -> None:
    answer = pb.EncodeResponse(
        image=b"small",
        format=pb.FORMAT_AVIF,
        quality=61,
        size_bytes=5,
        dssim=0.019,
        iterations=2,
        outcome=pb.OUTCOME_NEAREST_QUALITY,
        applied=WHOLE,
        predicted_quality=63,
        probes=[pb.Probe(quality=63, size_bytes=9), pb.Probe(quality=61, size_bytes=5, dssim=0.0)],
        notices=[pb.Notice(code=pb.Notice.CODE_ALPHA_FLATTENED, message="flattened")],
        width=40,
        height=30,
        frames=2,
    )
    answer.probes[0].encode_time.FromMilliseconds(1500)
    for number, stage in enumerate(("queue", "decode", "predict", "encode", "measure", "total")):
        getattr(answer.timings, stage).FromMilliseconds(250 * number)
    server.respond(answer)
    encoded = client.encode(b"photo", request_id="mine")
    assert encoded.image == b"small"
    assert encoded.format is Format.AVIF
    assert (encoded.quality, encoded.size_bytes, encoded.dssim) == (61, 5, 0.019)
    assert (encoded.iterations, encoded.predicted_quality) == (2, 63)
    assert encoded.outcome is Outcome.NEAREST_QUALITY
    assert encoded.applied == AutoQuality(Method.DSSIM, 0.02, 70, 80, 0.001)
    assert encoded.probes == (Probe(63, 9, None, 1.5, 0.0), Probe(61, 5, 0.0, 0.0, 0.0))
    assert encoded.timings == Timings(0.0, 0.25, 0.5, 0.75, 1.0, 1.25)
    assert encoded.notices == (Notice(NoticeCode.ALPHA_FLATTENED, "flattened"),)
    assert (encoded.width, encoded.height, encoded.frames) == (40, 30, 2)
    assert encoded.request_id == "mine"
    assert encoded.message == answer


def test_a_field_that_the_answer_lacks_is_none(server: FakeServer, client: Client) -> None:
    server.respond(pb.EncodeResponse(format=pb.FORMAT_PNG))
    encoded = client.encode(b"photo")
    assert (encoded.quality, encoded.dssim, encoded.predicted_quality) == (None, None, None)


def test_the_repr_of_a_result_has_no_image(client: Client) -> None:
    assert len(repr(client.encode(b"photo", quality=100))) < 2000


def test_a_saved_result_replaces_the_file_and_leaves_no_other(
    client: Client, tmp_path: Path
) -> None:
    encoded = client.encode(b"photo", format="webp")
    path = tmp_path / "small.webp"
    path.write_bytes(b"old")
    assert encoded.save(os.fspath(path)) == path
    assert path.read_bytes() == encoded.image
    assert list(tmp_path.iterdir()) == [path]


def test_a_saved_result_replaces_the_file_that_a_link_names(client: Client, tmp_path: Path) -> None:
    encoded = client.encode(b"photo", format="webp")
    (tmp_path / "old.webp").write_bytes(b"old")
    (tmp_path / "link.webp").symlink_to("old.webp")
    encoded.save(tmp_path / "link.webp")
    assert (tmp_path / "link.webp").is_symlink()
    assert (tmp_path / "old.webp").read_bytes() == encoded.image


def test_a_result_saved_to_a_pipe_is_written_to_it(client: Client, tmp_path: Path) -> None:
    encoded = client.encode(b"photo")
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with ThreadPoolExecutor(1) as reader:
        read = reader.submit(pipe.read_bytes)
        encoded.save(pipe)
        assert read.result(LIMIT) == encoded.image
    assert pipe.is_fifo()


def test_a_result_that_cannot_be_saved_leaves_no_file(client: Client, tmp_path: Path) -> None:
    encoded = client.encode(b"photo")
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError, match="directory"):
        encoded.save(tmp_path / "folder")
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


@pytest.mark.parametrize("name", ["none/a.webp", "file/a.webp", "."])
def test_a_path_that_cannot_be_written_is_named(client: Client, tmp_path: Path, name: str) -> None:
    encoded = client.encode(b"photo")
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OSError, match="directory") as caught:
        encoded.save(tmp_path / name)
    assert caught.value.filename == os.fspath(tmp_path / name)
