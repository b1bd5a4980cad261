"""The fake server: its answers are plausible, repeatable and can be scripted."""

from __future__ import annotations

from typing import Any

import grpc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autoquality import (
    AutoQualityError,
    Client,
    Encoded,
    InvalidImageError,
    InvalidRequestError,
    JxlOptions,
    NoticeCode,
    Outcome,
    RawImage,
    Verdict,
    WebpOptions,
)
from autoquality.testing import FakeServer, Fault, answer, png_image
from autoquality.v1 import encoding_pb2 as pb
from tests.commands import python

QUALITIES = st.tuples(st.integers(1, 100), st.integers(1, 100)).map(sorted)


_HEADS = (
    *(b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"RIFF....WEBP", b"RIFF....WEBPVP8X"),
    *(b"RIFF....WEBPVP8L", b"....ftypavif", b"....ftypavif....ispe", b"\xff\n", b"II*\0"),
)


@st.composite
def requests(draw: st.DrawFn) -> pb.EncodeRequest:
    """Generate valid Encode requests."""
    low, high = draw(QUALITIES)
    method = draw(st.sampled_from(pb.Method.values()))
    metric = draw(st.sampled_from(pb.Metric.values())) if method == pb.METHOD_ML else 0
    by_ssimulacra2 = method == pb.METHOD_SSIMULACRA2 or metric == pb.METRIC_SSIMULACRA2
    target = st.floats(0, 100) if by_ssimulacra2 else st.floats(0, 1)
    if method == pb.METHOD_SIZE:
        target = st.integers(1, 10**6)
    return pb.EncodeRequest(
        image=draw(st.binary(min_size=1)),
        format=draw(st.sampled_from(pb.Format.values())),
        auto_quality=pb.AutoQuality(
            method=method,
            target=draw(target),
            min_quality=low,
            max_quality=high,
            allowed_error=draw(st.floats(0, 0.1)),
            metric=metric,
            max_bytes=draw(st.none() | st.integers(1, 10**5)),
            max_dssim=draw(st.none() | st.floats(0, 0.1)),
            min_ssimulacra2=draw(st.none() | st.floats(0, 100)),
        ),
        measure=draw(st.lists(st.sampled_from(pb.Metric.values()[1:]))),
        measure_dssim=draw(st.booleans()),
    )


def exceeds(response: pb.EncodeResponse, spec: pb.AutoQuality) -> bool:
    return (
        (spec.HasField("max_bytes") and response.size_bytes > spec.max_bytes)
        or (spec.HasField("max_dssim") and response.dssim > spec.max_dssim)
        or (spec.HasField("min_ssimulacra2") and response.ssimulacra2 < spec.min_ssimulacra2)
    )


@settings(deadline=None)
@given(requests())
def test_its_answers_keep_the_promises_of_the_contract(request: pb.EncodeRequest) -> None:
    response = answer(request, check_images=False)
    assert isinstance(response, pb.EncodeResponse)
    spec = request.auto_quality
    assert response.format != pb.FORMAT_UNSPECIFIED
    assert response.size_bytes == len(response.image)
    assert response.iterations == len(response.probes)
    assert response.quality in [probe.quality for probe in response.probes]
    assert all(response.applied.HasField(field) for field in ("target", "min_quality"))
    assert response.HasField("dssim") or not request.measure_dssim
    assert response.HasField("ssimulacra2") or pb.METRIC_SSIMULACRA2 not in request.measure
    codes = [one.code for one in response.notices]
    assert (pb.Notice.CODE_LIMIT_EXCEEDED in codes) == exceeds(response, spec)
    if response.outcome in (pb.OUTCOME_NO_QUALITY, pb.OUTCOME_FIXED_QUALITY):
        return
    assert (response.outcome == pb.OUTCOME_LIMITS_CONFLICT) == exceeds(response, spec)
    assert spec.min_quality <= response.quality <= spec.max_quality
    met = response.outcome == pb.OUTCOME_TARGET_MET
    if response.outcome == pb.OUTCOME_LIMITS_CONFLICT:
        return
    if spec.method == pb.METHOD_SIZE:
        fits = met or response.outcome == pb.OUTCOME_MAX_BYTES_REACHED
        assert fits == (response.size_bytes <= spec.target)
    elif response.outcome != pb.OUTCOME_PREDICTION_TRUSTED:
        by_dssim = response.applied.metric == pb.METRIC_DSSIM
        score = response.dssim if by_dssim else response.ssimulacra2
        assert met == (abs(score - spec.target) <= spec.allowed_error)


@settings(deadline=None)
@given(requests())
def test_the_same_request_has_the_same_answer(request: pb.EncodeRequest) -> None:
    assert answer(request, check_images=False) == answer(request, check_images=False)


def test_its_files_have_the_first_bytes_of_their_format(client: Client) -> None:
    begins = {"jpeg": b"\xff\xd8\xff", "png": b"\x89PNG", "webp": b"RIFF", "jxl": b"\xff\n"}
    for format, first in begins.items():
        assert client.encode(b"photo", format=format).image.startswith(first)
    assert client.encode(b"photo", format="avif").image[4:12] == b"ftypavif"


def test_without_a_format_it_keeps_the_source_s(client: Client) -> None:
    for format in ("jpeg", "png", "webp", "avif", "jxl"):
        first = client.encode(b"photo", format=format)
        assert client.encode(first.image).format is first.format


def test_a_higher_quality_has_more_bytes_and_better_scores(client: Client) -> None:
    measure = ("dssim", "ssimulacra2")
    low, high = (client.encode(b"photo", quality=q, measure=measure) for q in (40, 90))
    assert low.size_bytes < high.size_bytes
    assert low.ssimulacra2 is not None
    assert high.ssimulacra2 is not None
    assert low.ssimulacra2 < high.ssimulacra2
    assert low.dssim is not None
    assert high.dssim is not None
    assert low.dssim > high.dssim


def test_only_raw_pixels_with_alpha_have_an_alpha_quality_in_webp(client: Client) -> None:
    clear = RawImage(width=8, height=8, bands=4, pixels=bytes(256))
    assert client.encode(clear, format="webp").alpha_quality == 100
    asked = client.encode(clear, format="webp", webp=WebpOptions(alpha_quality=30))
    assert asked.alpha_quality == asked.probes[0].alpha_quality == 30
    assert client.encode(clear, format="avif").alpha_quality is None
    assert client.encode(b"a photograph", format="webp").alpha_quality is None


def test_a_default_bound_that_prevents_the_target_is_reported(client: Client) -> None:
    tight = client.encode(b"photo", format="webp", method="dssim", target=0)
    assert [notice.code for notice in tight.notices] == [NoticeCode.DEFAULT_BOUND_REACHED]
    free = client.encode(b"photo", format="webp", method="dssim", target=0, max_quality=80)
    assert (free.outcome, free.notices) == (tight.outcome, ())


def test_only_jpeg_has_a_network(client: Client) -> None:
    jpeg = client.encode(b"photo", format="jpeg", method="ml")
    webp = client.encode(b"photo", format="webp", method="ml", min_quality=1, max_quality=100)
    assert jpeg.predicted_quality is not None
    assert webp.predicted_quality is None
    assert [notice.code for notice in webp.notices] == [NoticeCode.NETWORK_UNAVAILABLE]
    score = client.encode(b"photo", format="jpeg", auto_quality="ml:high")
    assert score.applied.method == "ssimulacra2"
    assert [notice.code for notice in score.notices] == [NoticeCode.NETWORK_UNAVAILABLE]
    trusted = client.encode(b"photo", format="jpeg", auto_quality="ml::::1")
    assert (trusted.outcome, trusted.dssim) == (Outcome.PREDICTION_TRUSTED, None)


def test_a_smaller_source_is_kept_on_request(client: Client) -> None:
    source = client.encode(b"photo", format="webp", quality=30).image
    kept = client.encode(source, quality=90, keep_smaller_source=True)
    assert (kept.image, kept.outcome) == (source, Outcome.SOURCE_KEPT)
    assert (kept.quality, kept.dssim, kept.ssimulacra2) == (None, 0, 100)
    assert client.encode(source, quality=90).outcome is Outcome.FIXED_QUALITY
    for options in (
        {"quality": 90, "format": "jpeg"},
        {"quality": 1},
        {"method": "size", "target": 1000, "min_quality": 1},
    ):
        again = client.encode(source, keep_smaller_source=True, **options)  # type: ignore[arg-type]
        assert again.outcome is not Outcome.SOURCE_KEPT


def test_a_source_over_the_budget_is_kept_if_the_encoding_is_larger(client: Client) -> None:
    source = client.encode(b"photo", format="webp", quality=30).image
    options: dict[str, Any] = {"method": "size", "target": 1000, "keep_smaller_source": True}
    kept = client.encode(source, **options)
    assert (kept.image, kept.outcome) == (source, Outcome.SOURCE_KEPT)
    expected = [NoticeCode.DEFAULT_BOUND_REACHED, NoticeCode.LIMIT_EXCEEDED]
    assert [notice.code for notice in kept.notices] == expected


def test_a_kept_source_is_the_chosen_one_of_the_candidates(client: Client) -> None:
    source = client.encode(b"photo", format="jpeg", quality=30).image
    options: dict[str, Any] = {"method": "ssimulacra2", "target": 90, "keep_smaller_source": True}
    kept = client.encode(source, candidates=["webp", "jpeg"], **options)
    assert (kept.image, kept.outcome, kept.format) == (source, Outcome.SOURCE_KEPT, "jpeg")
    first, *others = kept.candidates
    assert (first.verdict, first.format, first.quality) == (Verdict.CHOSEN, "jpeg", None)
    assert (first.size_bytes, first.ssimulacra2) == (len(source), 100)
    assert {one.format for one in others} == {"webp", "jpeg"}
    assert Verdict.CHOSEN not in {one.verdict for one in others}
    assert client.encode(source, format="jpeg", **options).candidates == ()
    assert client.encode(source, candidates=["webp"], **options).outcome is not Outcome.SOURCE_KEPT


def test_a_jpeg_has_a_quality_that_can_be_the_limit(client: Client) -> None:
    source = client.encode(b"photo", format="jpeg").image
    encoded = client.encode(source, quality=100, cap_at_source=True)
    assert encoded.quality is not None and 50 <= encoded.quality <= 95
    assert [notice.code for notice in encoded.notices] == [NoticeCode.QUALITY_CAPPED]
    size = client.encode(source, method="size", target=10**6, max_quality=100, cap_at_source=True)
    assert size.quality == size.applied.max_quality == encoded.quality
    lower = client.encode(source, quality=49, cap_at_source=True)
    assert (lower.quality, lower.notices) == (49, ())
    png = client.encode(b"photo", format="png").image
    assert client.encode(png, format="jpeg", quality=100, cap_at_source=True).quality == 100


def test_an_image_shrinks_to_a_budget_on_request(client: Client) -> None:
    def encode(**options: Any) -> Encoded:
        return client.encode(b"photo", format="jpeg", method="size", target=5000, **options)

    shrunk = encode(may_shrink=True)
    assert shrunk.outcome is Outcome.TARGET_MET and shrunk.size_bytes <= 5000
    assert [notice.code for notice in shrunk.notices] == [NoticeCode.IMAGE_SHRUNK]
    assert shrunk.width < 640 and shrunk.height < 480
    for encoded in (encode(), encode(may_shrink=True, min_width=600)):
        assert (encoded.outcome, encoded.width) == (Outcome.MIN_QUALITY_REACHED, 640)
    with pytest.raises(InvalidRequestError, match="min_width: must be pixels, 1 or more"):
        encode(min_width=0)


def test_it_keeps_limits_and_names_them(client: Client) -> None:
    free = client.encode(b"photo", format="webp", target="high")
    fits = client.encode(b"photo", format="webp", target="high", max_bytes=free.size_bytes)
    assert fits.outcome is Outcome.TARGET_MET
    assert fits.size_bytes <= free.size_bytes
    budget = free.size_bytes // 2
    small = client.encode(b"photo", format="webp", target="high", max_bytes=budget)
    assert small.outcome is Outcome.MAX_BYTES_REACHED
    assert small.size_bytes <= budget
    good = client.encode(b"photo", format="webp", target="medium", min_ssimulacra2="high")
    assert good.outcome is Outcome.MIN_SSIMULACRA2_REACHED
    assert good.ssimulacra2 is not None
    assert good.ssimulacra2 >= 70
    both = {"max_bytes": budget, "max_dssim": 0.001}
    conflict = client.encode(b"photo", format="webp", target="high", **both)
    assert (conflict.outcome, conflict.quality) == (Outcome.LIMITS_CONFLICT, small.quality)
    (notice,) = conflict.notices
    assert (notice.code, notice.message) == (
        NoticeCode.LIMIT_EXCEEDED,
        "the result exceeds max_dssim",
    )
    fixed = client.encode(b"photo", quality=90, max_bytes=10)
    assert fixed.outcome is Outcome.FIXED_QUALITY
    assert [one.code for one in fixed.notices] == [NoticeCode.LIMIT_EXCEEDED]


def test_a_share_of_the_bytes_may_stay_unused(client: Client) -> None:
    exact = client.encode(b"photo", format="webp", auto_quality="size:15000:1:95")
    sloppy = client.encode(b"photo", format="webp", auto_quality="size:15000:1:95:0.2")
    assert 12_000 <= sloppy.size_bytes <= exact.size_bytes <= 15_000
    assert sloppy.iterations < exact.iterations


def test_only_identical_images_have_a_dssim_of_0(client: Client) -> None:
    assert client.compare(b"a", b"a").dssim == 0
    assert client.compare(b"a", b"b").dssim > 0


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        (pb.EncodeRequest(), "source"),
        (pb.EncodeRequest(image=b""), "image"),
        (pb.EncodeRequest(raw=pb.RawImage(width=2, height=2, bands=3, pixels=b"x")), "raw.pixels"),
        (pb.EncodeRequest(image=b"x", background="red"), "background"),
        (pb.EncodeRequest(image=b"x", quality=0), "quality"),
        (
            pb.EncodeRequest(
                image=b"x", quality=5, auto_quality=pb.AutoQuality(method=pb.METHOD_ML)
            ),
            "quality",
        ),
        *(
            (pb.EncodeRequest(image=b"x", auto_quality=spec), f"auto_quality.{field}")
            for spec, field in [
                (pb.AutoQuality(min_quality=0), "min_quality"),
                (pb.AutoQuality(max_quality=101), "max_quality"),
                (pb.AutoQuality(min_quality=9, max_quality=8), "min_quality"),
                (pb.AutoQuality(method=pb.METHOD_DSSIM, min_quality=90), "min_quality"),
                (pb.AutoQuality(allowed_error=2), "allowed_error"),
                (pb.AutoQuality(method=pb.METHOD_SIZE), "target"),
                (pb.AutoQuality(method=pb.METHOD_DSSIM, target=2), "target"),
                (pb.AutoQuality(max_bytes=0), "max_bytes"),
                (pb.AutoQuality(max_dssim=1.1), "max_dssim"),
                (pb.AutoQuality(min_ssimulacra2=-1), "min_ssimulacra2"),
            ]
        ),
    ],
)
def test_it_refuses_what_the_contract_forbids(request_: pb.EncodeRequest, field: str) -> None:
    fault = answer(request_, check_images=False)
    assert isinstance(fault, Fault)
    assert fault.code is grpc.StatusCode.INVALID_ARGUMENT
    assert fault.message.startswith(f"{field}: ")


def test_it_names_all_invalid_fields(client: Client) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        client.encode(b"photo", quality=101, background="white", min_quality=0)
    fields = [one.field for one in caught.value.field_violations]
    assert fields == ["quality", "auto_quality.min_quality", "background"]
    assert caught.value.message == "quality: must be from 1 to 100; 2 more fields are invalid"


def test_its_health_check_follows_serving(server: FakeServer, client: Client) -> None:
    assert client.health()
    assert client.health("autoquality.v1.EncodingService")
    with pytest.raises(AutoQualityError) as raised:
        client.health("unknown")
    assert raised.value.code is grpc.StatusCode.NOT_FOUND
    server.serving = False
    assert not client.health()


def test_two_servers_do_not_share_a_port() -> None:
    with FakeServer() as one, FakeServer() as other:
        assert one.target != other.target


def test_it_needs_no_test_runner_and_stops_with_its_program() -> None:
    code = """
from autoquality.testing import FakeServer
from autoquality.testing import png_image
with FakeServer() as server, server.client() as client:
    print(client.encode(png_image(), format="webp").format)
"""
    done = python(code, strict=True)
    assert (done.stdout, done.stderr) == ("webp\n", "")


def test_a_lossless_jpeg_xl_has_no_quality(client: Client) -> None:
    found = client.encode(b"photo", format="jxl", jxl=JxlOptions(lossless=True), measure=["dssim"])
    assert (found.outcome, found.quality, found.dssim) == (Outcome.NO_QUALITY, None, 0)


def test_bytes_that_are_no_image_are_refused_unless_that_is_off() -> None:
    with FakeServer() as server, server.client() as client:
        with pytest.raises(InvalidImageError) as raised:
            client.encode(b"photo")
        assert raised.value.reason == "IMAGE_UNSUPPORTED"
        with pytest.raises(InvalidImageError, match="reference: not an image"):
            client.compare(b"photo", png_image())
        encoded = client.encode(png_image(30, 20), format="webp")
        assert (encoded.width, encoded.height) == (30, 20)
        assert client.compare(png_image(30, 20), encoded.image).width == 30
    with FakeServer(check_images=False) as server, server.client() as client:
        assert client.encode(b"photo").width == 640


@given(st.sampled_from(_HEADS), st.binary(max_size=80))
def test_a_header_of_any_bytes_is_read_or_refused(head: bytes, rest: bytes) -> None:
    request = pb.EncodeRequest(image=head + rest)
    assert isinstance(answer(request), pb.EncodeResponse | Fault)
