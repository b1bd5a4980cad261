"""Candidates, chroma and lossless files between the contract and the core."""

from __future__ import annotations

from typing import Any

import pytest

from autoquality.v1 import encoding_pb2 as pb
from autoquality_core.errors import InvalidRequest
from autoquality_core.formats import AvifOptions, EncoderOptions, JpegOptions, WebpOptions
from autoquality_core.pipeline.job import Considered, EncodeResult
from autoquality_core.types import (
    Chroma,
    Format,
    Lossless,
    Method,
    Outcome,
    Probe,
    ResolvedTarget,
    Verdict,
)
from autoquality_server.rpc.convert import encode_job, encode_response

FULL = EncoderOptions(jpeg=JpegOptions(chroma=Chroma.FULL), webp=WebpOptions(smart_subsample=True))


def job_of(server: EncoderOptions | None = None, **fields: object) -> EncoderOptions:
    request = pb.EncodeRequest(image=b"x", **fields)  # type: ignore[arg-type]
    return encode_job(request, server or EncoderOptions()).options


def test_candidates_are_formats_each_once() -> None:
    request = pb.EncodeRequest(
        image=b"x", candidates=[pb.FORMAT_AVIF, pb.FORMAT_JPEG, pb.FORMAT_AVIF]
    )
    job = encode_job(request, EncoderOptions())
    assert (job.format, job.candidates) == (None, (Format.AVIF, Format.JPEG))


@pytest.mark.parametrize(
    ("fields", "field", "words"),
    [
        ({"candidates": [0]}, "candidates", "must be FORMAT_JPEG, FORMAT_WEBP"),
        ({"candidates": [1, 99]}, "candidates", "99 is not known to this server"),
        (
            {"jpeg": pb.JpegOptions(chroma=pb.CHROMA_SHARP)},
            "jpeg.chroma",
            "CHROMA_SUBSAMPLED, CHROMA_FULL, CHROMA_AUTO; is CHROMA_SHARP",
        ),
        (
            {"webp": pb.WebpOptions(chroma=pb.CHROMA_FULL)},
            "webp.chroma",
            "must be one of CHROMA_SUBSAMPLED, CHROMA_SHARP, CHROMA_AUTO; is CHROMA_FULL",
        ),
        (
            {"jpeg": pb.JpegOptions(chroma=pb.CHROMA_AUTO, no_subsample=True)},
            "jpeg.chroma",
            "auto contradicts no_subsample",
        ),
        (
            {"avif": pb.AvifOptions(chroma=pb.CHROMA_FULL, no_subsample=False)},
            "avif.chroma",
            "full contradicts no_subsample",
        ),
        (
            {"webp": pb.WebpOptions(chroma=pb.CHROMA_SUBSAMPLED, smart_subsample=True)},
            "webp.chroma",
            "subsampled contradicts smart_subsample",
        ),
        ({"webp": pb.WebpOptions(lossless=9)}, "webp.lossless", "known are LOSSLESS_NEVER"),
    ],
)
def test_wrong_values_are_refused_with_their_field(
    fields: dict[str, object], field: str, words: str
) -> None:
    with pytest.raises(InvalidRequest, match=words) as caught:
        job_of(**fields)
    assert caught.value.field == field


def test_either_name_of_chroma_replaces_both_of_the_server() -> None:
    assert job_of(FULL).jpeg.chroma is Chroma.FULL
    for asked in (
        pb.JpegOptions(no_subsample=False),
        pb.JpegOptions(chroma=pb.CHROMA_BY_QUALITY),
        pb.JpegOptions(chroma=pb.CHROMA_BY_QUALITY, no_subsample=False),
    ):
        assert job_of(FULL, jpeg=asked).jpeg == JpegOptions()
    auto = job_of(FULL, webp=pb.WebpOptions(chroma=pb.CHROMA_AUTO)).webp
    assert (auto.chroma, auto.smart_subsample) == (Chroma.AUTO, False)
    both = pb.AvifOptions(chroma=pb.CHROMA_FULL, no_subsample=True)
    assert job_of(avif=both).avif == AvifOptions(no_subsample=True)


def test_lossless_is_the_servers_unless_it_is_set() -> None:
    never = EncoderOptions(webp=WebpOptions(lossless=Lossless.NEVER))
    assert job_of(never).webp.lossless is Lossless.NEVER
    asked = pb.WebpOptions(lossless=pb.LOSSLESS_SMALLER)
    assert job_of(never, webp=asked).webp.lossless is Lossless.SMALLER


def answer(probe: Probe, candidates: tuple[Considered, ...], **more: Any) -> EncodeResult:
    """An answer without loss in one encoding."""
    return EncodeResult(
        *(b"file", Format.WEBP, 0, {}, Outcome.LOSSLESS_SMALLER),
        applied=ResolvedTarget(Method.SSIMULACRA2, 70.0, 10, 95, 1.0, "ssimulacra2"),
        predicted_quality=None,
        probes=(probe,),
        notices=(),
        width=1,
        height=1,
        frames=1,
        candidates=candidates,
        **more,
    )


def test_a_response_has_the_candidates_and_how_probes_were_made() -> None:
    probe = Probe(
        *(0, 90, {}, 0.1, 0.0), format=Format.WEBP, chroma=Chroma.SUBSAMPLED, lossless=True
    )
    result = answer(
        probe,
        (
            Considered(
                *(Format.WEBP, Verdict.CHOSEN, "fewest bytes", Chroma.SUBSAMPLED, True),
                *(None, 90, 100.0),
            ),
            Considered(Format.JPEG, Verdict.CANNOT_HOLD_IMAGE, "JPEG has no transparency"),
            Considered(
                *(Format.AVIF, Verdict.PREDICTED_LARGER, "unlikely", Chroma.BY_QUALITY, False),
                *(None, 120, None, True),
            ),
        ),
        lossless=True,
    )
    response = encode_response(result, 0.2)
    assert (response.lossless, response.outcome) == (True, pb.OUTCOME_LOSSLESS_SMALLER)
    assert response.probes[0].format == pb.FORMAT_WEBP
    assert (response.probes[0].chroma, response.probes[0].lossless) == (pb.CHROMA_SUBSAMPLED, True)
    chosen, left_out, larger = response.candidates
    assert (chosen.verdict, chosen.lossless, chosen.size_bytes, chosen.ssimulacra2) == (
        *(pb.Candidate.VERDICT_CHOSEN, True, 90, 100.0),
    )
    assert left_out.verdict == pb.Candidate.VERDICT_CANNOT_HOLD_IMAGE
    assert not left_out.HasField("size_bytes") and left_out.chroma == pb.CHROMA_UNSPECIFIED
    assert (larger.predicted, larger.chroma) == (True, pb.CHROMA_BY_QUALITY)
    assert not larger.HasField("ssimulacra2")


@pytest.mark.parametrize("level", [None, 0, 60])
def test_a_response_has_the_level_of_a_near_lossless_file(level: int | None) -> None:
    probe = Probe(*(0, 90, {}, 0.1, 0.0), format=Format.WEBP, near_lossless=level)
    chosen = Considered(Format.WEBP, Verdict.CHOSEN, "fewest bytes", near_lossless=level)
    result = answer(probe, (chosen,), near_lossless=level)
    response = encode_response(result, 0.2)
    for one in (response, response.probes[0], response.candidates[0]):
        assert (one.near_lossless if one.HasField("near_lossless") else None) == level
