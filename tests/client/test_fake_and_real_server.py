"""The fake server answers and refuses like the real one: the same requests go to both."""

from __future__ import annotations

import math
from collections.abc import Iterator
from random import Random
from typing import Any

import grpc
import numpy as np
import pytest
import pyvips

from autoquality import ErrorInfo, InvalidRequestError
from autoquality._errors import error_from
from autoquality.testing import FakeServer, answer, png_image
from autoquality.v1 import encoding_pb2 as pb
from tests.images.films import Frame, apng
from tests.photos import animation, crop, photo, with_alpha
from tests.rpc.conftest import encoding_stub
from tests.stream.serving import Serving

JPEG, PNG, CLEAR, GIF = photo("rocket.jpg"), png_image(), png_image(alpha=True), animation()
PHOTO = crop("coffee.png", 160, 120)
CLEAR_IMAGE = pyvips.Image.new_from_buffer(with_alpha(), "")
IMAGE = CLEAR_IMAGE.flatten()
WEBP = bytes(CLEAR_IMAGE.webpsave_buffer())
AVIF = bytes(IMAGE.heifsave_buffer(compression="av1"))
FILM = apng([Frame(np.roll(IMAGE.numpy(), shift, axis=1)) for shift in (0, 5, 10)])
TINY = png_image(8, 8)
SIZE = {"method": pb.METHOD_SIZE, "target": 2000}
WIDE = {"min_quality": 1, "max_quality": 100}
SEARCH = {"method": pb.METHOD_SSIMULACRA2, "target": 70}


def encode(image: bytes = PNG, **fields: Any) -> pb.EncodeRequest:
    return pb.EncodeRequest(image=image, **fields)


def raw(width: int, height: int, bands: int, pixels: bytes, **fields: Any) -> pb.EncodeRequest:
    shape = {"width": width, "height": height, "bands": bands, "pixels": pixels}
    return pb.EncodeRequest(raw=shape, **fields)


def by(**spec: Any) -> pb.EncodeRequest:
    return encode(PHOTO, format=pb.FORMAT_WEBP, auto_quality=spec)


def among(*formats: Any, image: bytes = CLEAR, **spec: Any) -> pb.EncodeRequest:
    return encode(image, candidates=formats, auto_quality=spec or SEARCH)


GOOD: dict[str, Any] = {
    "the source's format": encode(JPEG, quality=50),
    "png": encode(),
    "png with alpha": encode(CLEAR),
    "png to jpeg": encode(format=pb.FORMAT_JPEG),
    "alpha to jpeg": encode(CLEAR, format=pb.FORMAT_JPEG),
    "alpha to webp": encode(CLEAR, format=pb.FORMAT_WEBP, webp={"alpha_quality": 50}),
    "webp": encode(WEBP),
    "webp without alpha": encode(bytes(IMAGE.webpsave_buffer())),
    "lossless webp": encode(bytes(IMAGE.webpsave_buffer(lossless=True))),
    "lossless webp with alpha": encode(bytes(CLEAR_IMAGE.webpsave_buffer(lossless=True))),
    "progressive jpeg": encode(bytes(IMAGE.jpegsave_buffer(interlace=True))),
    "avif": encode(AVIF),
    "avif with alpha": encode(bytes(CLEAR_IMAGE.heifsave_buffer(compression="av1"))),
    "animated png": encode(FILM),
    "animated png to webp": encode(FILM, format=pb.FORMAT_WEBP),
    "gif": encode(GIF),
    "gif to webp": encode(GIF, format=pb.FORMAT_WEBP),
    "gif to jpeg": encode(GIF, format=pb.FORMAT_JPEG),
    "tiny to avif": encode(TINY, format=pb.FORMAT_AVIF),
    "tiny to avif, bounds": encode(TINY, format=pb.FORMAT_AVIF, auto_quality={"max_quality": 62}),
    "png with a bound": encode(format=pb.FORMAT_PNG, auto_quality={"max_quality": 5}),
    "raw grey": raw(20, 20, 1, bytes(400)),
    "raw clear": raw(20, 20, 4, bytes(1600)),
    "raw opaque": raw(20, 20, 4, b"\xff" * 1600, format=pb.FORMAT_JPEG),
    "lossless jxl": encode(format=pb.FORMAT_JXL, jxl={"lossless": True}, measure_dssim=True),
    "unused target": by(target=0.5),
    "unused target, no search": by(method=pb.METHOD_NONE, target=5000),
    "size": by(**SIZE, **WIDE),
    "an impossible size": by(method=pb.METHOD_SIZE, target=1),
    "unused target, png": encode(auto_quality=SEARCH),
    "size to png": encode(auto_quality=SIZE),
    "size measured": encode(
        JPEG, format=pb.FORMAT_WEBP, auto_quality=SIZE, measure=[pb.METRIC_SSIMULACRA2]
    ),
    "ssimulacra2": by(**SEARCH),
    "dssim": by(method=pb.METHOD_DSSIM, **WIDE),
    "a poor dssim": by(method=pb.METHOD_DSSIM, target=1),
    "dssim measured": encode(
        PHOTO,
        format=pb.FORMAT_WEBP,
        auto_quality={"method": pb.METHOD_DSSIM, **WIDE},
        measure=[pb.METRIC_SSIMULACRA2],
    ),
    "no network": by(method=pb.METHOD_ML, **WIDE),
    "no network, other metric": by(method=pb.METHOD_ML, metric=pb.METRIC_SSIMULACRA2),
    "a limit that is exceeded": encode(
        JPEG, format=pb.FORMAT_WEBP, quality=90, auto_quality={"max_bytes": 10}
    ),
    "a limit that is kept": by(max_dssim=0.5),
    "lossless webp, no search": encode(
        format=pb.FORMAT_WEBP, webp={"lossless": pb.LOSSLESS_ALWAYS}
    ),
    "lossless webp by search": encode(
        format=pb.FORMAT_WEBP, webp={"lossless": pb.LOSSLESS_ALWAYS}, auto_quality=SEARCH
    ),
    "lossless webp with alpha, no search": encode(
        CLEAR, format=pb.FORMAT_WEBP, webp={"lossless": pb.LOSSLESS_ALWAYS}
    ),
    "a preset of number 0": encode(format=pb.FORMAT_WEBP, webp={"preset": 0}),
    "webp never lossless": encode(
        PHOTO, format=pb.FORMAT_WEBP, webp={"lossless": pb.LOSSLESS_NEVER}, auto_quality=SEARCH
    ),
    "either chroma": encode(
        PHOTO, format=pb.FORMAT_JPEG, jpeg={"chroma": pb.CHROMA_AUTO}, auto_quality=SEARCH
    ),
    "either chroma by dssim": encode(
        PHOTO,
        format=pb.FORMAT_WEBP,
        webp={"chroma": pb.CHROMA_AUTO},
        auto_quality={"method": pb.METHOD_DSSIM, **WIDE},
    ),
    "sharp chroma": encode(PHOTO, format=pb.FORMAT_WEBP, webp={"chroma": pb.CHROMA_SHARP}),
    "equal chroma": encode(
        PHOTO, format=pb.FORMAT_JPEG, jpeg={"chroma": pb.CHROMA_FULL, "no_subsample": True}
    ),
    "one candidate": among(pb.FORMAT_JPEG, image=JPEG, method=pb.METHOD_NONE),
    "candidates above a default bound": among(
        *(pb.FORMAT_JPEG, pb.FORMAT_AVIF), image=PHOTO, **SIZE, min_quality=90
    ),
    "candidates below a default bound": among(
        *(pb.FORMAT_JPEG, pb.FORMAT_WEBP), image=PHOTO, **SEARCH, max_quality=5
    ),
    "transparency decides": among(pb.FORMAT_JPEG, pb.FORMAT_PNG, **SIZE),
    "animation decides": among(pb.FORMAT_JPEG, pb.FORMAT_WEBP, image=FILM, **SIZE, **WIDE),
    "background without #": encode(CLEAR, format=pb.FORMAT_JPEG, background="00ff00"),
}

BAD: dict[str, Any] = {
    "no source": pb.EncodeRequest(),
    "empty": encode(b""),
    "text": encode(b"photo"),
    "a cut jpeg": encode(JPEG[:3]),
    "a cut png": encode(PNG[:20]),
    "a cut gif": encode(GIF[:8]),
    "no quality": encode(quality=0),
    "quality and search": encode(quality=5, auto_quality={"method": pb.METHOD_ML}),
    "background": encode(background="red"),
    "format": encode(format=99),  # type: ignore[arg-type]
    "method": by(method=99),
    "profile": encode(color_profile=99),  # type: ignore[arg-type]
    "measure": encode(measure=[0]),  # type: ignore[list-item]
    "preset": encode(webp={"preset": 99}),
    "effort": encode(webp={"effort": 9}),
    "table": encode(jpeg={"quant_table": -1}),
    "speed": encode(avif={"speed": 10}),
    "level": encode(png={"compression": 10}),
    "colours": encode(png={"quantization_colors": 1}),
    "jxl effort": encode(jxl={"effort": 0}),
    "webp chroma": encode(webp={"chroma": pb.CHROMA_FULL}),
    "jpeg chroma": encode(jpeg={"chroma": pb.CHROMA_SHARP}),
    "contradicting chroma": encode(avif={"chroma": pb.CHROMA_SUBSAMPLED, "no_subsample": True}),
    "lossless": encode(webp={"lossless": 99}),
    "candidates and a format": encode(
        format=pb.FORMAT_JPEG, candidates=[pb.FORMAT_JPEG], auto_quality=SEARCH
    ),
    "unknown candidate": among(0),
    "candidates by dssim": among(pb.FORMAT_JPEG, pb.FORMAT_WEBP, method=pb.METHOD_DSSIM),
    "candidates without a search": among(pb.FORMAT_JPEG, pb.FORMAT_WEBP, method=pb.METHOD_NONE),
    "min_width": encode(min_width=0),
    "raw width": raw(0, 2, 3, b""),
    "raw bands": raw(2, 2, 5, bytes(20)),
    "raw pixels": raw(2, 2, 3, b"x"),
    "raw too large": raw(50_000, 50_000, 3, b"x"),
    "too many pixels": encode(PNG[:16] + b"\0\0\xff\xff" * 2 + PNG[24:]),
    "side": raw(20_000, 1, 1, bytes(20_000), format=pb.FORMAT_WEBP),
    "min": by(min_quality=0),
    "max": by(max_quality=101),
    "bounds": by(min_quality=9, max_quality=8),
    "a default max": by(min_quality=90),
    "a default min": by(max_quality=10),
    "a default max, own format": encode(JPEG, auto_quality={"min_quality": 90}),
    "a default max, other format": encode(
        TINY, format=pb.FORMAT_AVIF, auto_quality={"min_quality": 99}
    ),
    "error": by(allowed_error=2),
    "error of a size": by(**SIZE, allowed_error=1.5),
    "error of a score": by(**SEARCH, allowed_error=101),
    "size without a target": by(method=pb.METHOD_SIZE),
    "size of 0": by(method=pb.METHOD_SIZE, target=0),
    "endless size": by(method=pb.METHOD_SIZE, target=float("inf")),
    "dssim target": by(method=pb.METHOD_DSSIM, target=2),
    "ssimulacra2 target": by(method=pb.METHOD_SSIMULACRA2, target=-1),
    "negative target": by(target=-1),
    "metric of a size": by(**SIZE, metric=pb.METRIC_DSSIM),
    "metric of another method": by(**SEARCH, metric=pb.METRIC_DSSIM),
    "max_bytes": by(max_bytes=0),
    "max_dssim": by(max_dssim=1.1),
    "min_ssimulacra2": by(min_ssimulacra2=-1),
    "a frame without a size": encode(bytes(IMAGE.jpegsave_buffer())[:200]),
    "several fields": encode(
        b"photo", quality=0, background="red", min_width=0, webp={"effort": 9, "preset": 99}
    ),
    "size without a target, and limits": by(
        method=pb.METHOD_SIZE, min_quality=0, max_bytes=0, max_dssim=2
    ),
    "method and what depends on it": encode(
        candidates=[pb.FORMAT_JPEG, pb.FORMAT_WEBP], auto_quality={"method": 99, "target": 5000}
    ),
    "metric and candidates": encode(
        candidates=[pb.FORMAT_JPEG, pb.FORMAT_WEBP],
        auto_quality={"method": pb.METHOD_DSSIM, "metric": pb.METRIC_SSIMULACRA2},
        measure=[0],
    ),
    "quality and size without a target": encode(
        quality=5, auto_quality={"method": pb.METHOD_SIZE}, background="red"
    ),
    "pixels and quality": raw(0, -1, 5, b"x", quality=101),
    "pixels and a setting": raw(2, 2, 3, b"x", min_width=0),
}

MIXED: dict[str, list[Any]] = {
    "format": [1, 2, 3, 4, 5, 99],
    "candidates": [[1], [1, 2], [3, 4], [5, 5], [0], [99]],
    "quality": [0, 50, 101],
    "auto_quality.method": [1, 2, 2, 3, 4, 5, 99],
    "auto_quality.target": [-1, 0, 0.02, 2, 70, 2000, math.inf, math.nan],
    "auto_quality.min_quality": [0, 5, 75, 90],
    "auto_quality.max_quality": [5, 62, 85, 101],
    "auto_quality.allowed_error": [-1, 0.01, 2, 200, math.nan],
    "auto_quality.metric": [1, 2, 99],
    "auto_quality.max_bytes": [0, 100],
    "auto_quality.max_dssim": [0.1, 2],
    "auto_quality.min_ssimulacra2": [-1, 50],
    "measure": [[0], [1]],
    "background": ["red"],
    "min_width": [0],
    "color_profile": [99],
    "webp.lossless": [0, 3, 99],
    "webp.chroma": [0, 3, 99],
    "jxl.effort": [0, 7],
    "jxl.lossless": [True],
}
"""Values of fields, many of them invalid or invalid only together with others."""


def mixed(random: Random) -> pb.EncodeRequest:
    request = encode(b"photo")
    for path, values in MIXED.items():
        if random.random() < 0.25:
            *parents, name = path.split(".")
            message: Any = getattr(request, *parents) if parents else request
            value = random.choice(values)
            message.MergeFrom(type(message)(**{name: value}))
    return request


PAIRS: dict[str, Any] = {
    "same": pb.CompareRequest(reference=PNG, distorted=PNG),
    "other format": pb.CompareRequest(
        reference=PNG, distorted=bytes(IMAGE.resize(64 / 96, vscale=48 / 64).webpsave_buffer())
    ),
    "tiff": pb.CompareRequest(
        reference=bytes(IMAGE.tiffsave_buffer()), distorted=bytes(IMAGE.jpegsave_buffer())
    ),
    "still and animation": pb.CompareRequest(
        reference=bytes(IMAGE.pngsave_buffer()), distorted=FILM
    ),
    "no reference": pb.CompareRequest(distorted=PNG),
    "no distorted": pb.CompareRequest(reference=PNG),
    "text": pb.CompareRequest(reference=PNG, distorted=b"photo"),
    "sizes": pb.CompareRequest(reference=PNG, distorted=crop("coffee.png", 65, 48)),
}


@pytest.fixture(scope="module")
def stubs(real: Serving) -> Iterator[tuple[Any, Any]]:
    """Return stubs of the fake server and of the real one."""
    with (
        FakeServer() as fake,
        grpc.insecure_channel(fake.target, [("grpc.enable_http_proxy", 0)]) as channel,
    ):
        yield encoding_stub(channel), real.stub


def seen(method: Any, request: Any) -> dict[str, Any]:
    """What a caller can see of the answer: no bytes, no scores, nothing measured."""
    try:
        response = method(request)
    except grpc.RpcError as failure:
        error = error_from(failure, "")
        assert isinstance(error, InvalidRequestError), error
        violations = sorted((one.field, one.reason) for one in error.field_violations)
        reasons = [one.reason for one in error.details if isinstance(one, ErrorInfo)]
        return {"code": error.code, "violations": violations, "reasons": reasons}
    same = ("format", "width", "height", "frames", "applied", "alpha_quality")
    return {
        "fields": sorted(field.name for field, _ in response.ListFields()),
        "notices": [pb.Notice.Code.Name(one.code) for one in getattr(response, "notices", ())],
        "candidates": candidates(response),
        **{name: getattr(response, name) for name in same if hasattr(response, name)},
    }


def candidates(response: Any) -> set[Any]:
    """Return what was considered, without the level of a WebP that only the real server knows."""
    found = getattr(response, "candidates", ()) or getattr(response, "probes", ())
    usual = [one for one in found if not one.HasField("near_lossless")]
    return {(one.format, pb.Chroma.Name(one.chroma), one.lossless) for one in usual}


@pytest.mark.parametrize("name", [*GOOD, *BAD])
def test_an_encode_request_has_the_same_kind_of_answer(stubs: Any, name: str) -> None:
    fake, real = stubs
    request = (GOOD | BAD)[name]
    found = seen(fake.Encode, request)
    assert found == seen(real.Encode, request)
    assert ("violations" in found) == (name in BAD)


def test_a_file_over_the_default_limit_is_refused_alike(stubs: Any) -> None:
    fake, real = stubs
    request = encode(PNG + bytes(64 * 2**20 + 1 - len(PNG)))
    found = seen(fake.Encode, request)
    assert found == seen(real.Encode, request)
    assert found["violations"] == [("image", "IMAGE_TOO_LARGE")]


def test_the_limits_on_sources_are_the_defaults_of_the_real_server(stubs: Any) -> None:
    limits = [stub.GetServerInfo(pb.GetServerInfoRequest()).limits for stub in stubs]
    for name in ("max_image_bytes", "max_stream_bytes", "max_resolution_pixels", "max_chunk_bytes"):
        fake, real = (getattr(one, name) for one in limits)
        assert fake == real > 0, name


def test_every_mixture_of_fields_is_refused_alike(stubs: Any) -> None:
    fake, real = stubs
    random = Random(1)
    for request in [mixed(random) for _ in range(1000)]:
        assert seen(fake.Encode, request) == seen(real.Encode, request), request


@pytest.mark.parametrize("name", PAIRS)
def test_a_compare_request_has_the_same_kind_of_answer(stubs: Any, name: str) -> None:
    fake, real = stubs
    assert seen(fake.Compare, PAIRS[name]) == seen(real.Compare, PAIRS[name])


def test_its_formats_defaults_and_limits_are_those_of_the_real_server(stubs: Any) -> None:
    fake = answer(pb.GetServerInfoRequest())
    real = stubs[1].GetServerInfo(pb.GetServerInfoRequest())
    fake.formats[0].ClearField("network")
    assert list(fake.formats) == list(real.formats)
    assert fake.defaults == real.defaults
    assert sorted(fake.source_formats) == sorted(set(real.source_formats) - {"heif"})
    for limits in (fake.limits, real.limits):  # these two depend on the machine
        limits.ClearField("workers")
        limits.ClearField("queue_size")
    assert fake.limits == real.limits
