"""The candidates of an answer, from the contract and from the fake server."""

from __future__ import annotations

import pytest

from autoquality import (
    Candidate,
    Chroma,
    Client,
    Format,
    InvalidRequestError,
    JpegOptions,
    Lossless,
    Verdict,
    WebpOptions,
)
from autoquality.testing import FakeServer
from autoquality.v1 import encoding_pb2 as pb
from tests.client.conftest import sent


def test_candidates_of_an_answer_are_dataclasses(server: FakeServer, client: Client) -> None:
    server.respond(
        pb.EncodeResponse(
            format=pb.FORMAT_WEBP,
            lossless=True,
            candidates=[
                pb.Candidate(
                    format=pb.FORMAT_WEBP,
                    verdict=pb.Candidate.VERDICT_CHOSEN,
                    message="fewest bytes for the target",
                    lossless=True,
                    size_bytes=300,
                    ssimulacra2=100,
                ),
                pb.Candidate(
                    format=pb.FORMAT_JPEG,
                    verdict=pb.Candidate.VERDICT_PREDICTED_LARGER,
                    message="unlikely to win: not tried",
                    chroma=pb.CHROMA_FULL,
                    size_bytes=900,
                    predicted=True,
                ),
            ],
            probes=[pb.Probe(lossless=True, format=pb.FORMAT_WEBP, chroma=pb.CHROMA_SUBSAMPLED)],
        )
    )
    encoded = client.encode(b"drawing", candidates=["webp", "jpeg"])
    assert encoded.lossless
    assert encoded.candidates == (
        Candidate(
            *(Format.WEBP, Verdict.CHOSEN, "fewest bytes for the target"),
            lossless=True,
            size_bytes=300,
            ssimulacra2=100.0,
        ),
        Candidate(
            *(Format.JPEG, Verdict.PREDICTED_LARGER, "unlikely to win: not tried"),
            chroma=Chroma.FULL,
            size_bytes=900,
            predicted=True,
        ),
    )
    (probe,) = encoded.probes
    assert (probe.format, probe.chroma, probe.lossless) == (Format.WEBP, Chroma.SUBSAMPLED, True)


def test_the_level_of_a_near_lossless_file_is_known_also_if_it_is_0(
    server: FakeServer, client: Client
) -> None:
    chosen = pb.Candidate(
        format=pb.FORMAT_WEBP, verdict=pb.Candidate.VERDICT_CHOSEN, message="x", near_lossless=0
    )
    server.respond(
        pb.EncodeResponse(
            format=pb.FORMAT_WEBP,
            outcome=pb.OUTCOME_LOSSLESS_SMALLER,
            near_lossless=0,
            candidates=[chosen],
            probes=[pb.Probe(quality=80), pb.Probe(near_lossless=0)],
        )
    )
    encoded = client.encode(b"drawing", format="webp")
    assert (encoded.near_lossless, encoded.lossless, encoded.quality) == (0, False, None)
    assert encoded.candidates[0].near_lossless == 0
    assert [one.near_lossless for one in encoded.probes] == [None, 0]


def test_a_server_that_knows_no_candidates_sends_none(server: FakeServer, client: Client) -> None:
    server.respond(pb.EncodeResponse(format=pb.FORMAT_WEBP, probes=[pb.Probe(quality=3)]))
    encoded = client.encode(b"photo")
    assert (encoded.candidates, encoded.lossless) == ((), False)
    assert (encoded.probes[0].format, encoded.probes[0].chroma) == (None, None)


def test_options_are_sent(server: FakeServer, client: Client) -> None:
    client.encode(
        b"photo",
        jpeg=JpegOptions(chroma="auto"),
        webp=WebpOptions(chroma=Chroma.SHARP, lossless=Lossless.NEVER),
    )
    assert sent(server).jpeg.chroma == pb.CHROMA_AUTO
    assert sent(server).webp.chroma == pb.CHROMA_SHARP
    assert sent(server).webp.lossless == pb.LOSSLESS_NEVER


def test_the_fake_server_answers_with_the_best_of_its_candidates(client: Client) -> None:
    formats = ("jpeg", "webp", "avif")
    by_score = client.encode(b"photo", candidates=formats, method="ssimulacra2", target="high")
    alone = {
        one: client.encode(b"photo", format=one, method="ssimulacra2", target="high")
        for one in formats
    }
    assert by_score.size_bytes == min(one.size_bytes for one in alone.values())
    assert {one.format for one in by_score.candidates} == set(formats)
    assert [one.verdict for one in by_score.candidates].count(Verdict.CHOSEN) == 1
    assert by_score.iterations == len(by_score.probes) > alone["avif"].iterations
    by_size = client.encode(b"photo", candidates=formats, method="size", target=9000)
    assert by_size.size_bytes <= 9000
    assert by_size.format is Format.AVIF


@pytest.mark.parametrize("options", [{"method": "dssim"}, {"method": "size", "format": "webp"}])
def test_the_fake_server_refuses_what_the_real_one_does(
    client: Client, options: dict[str, str]
) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        client.encode(b"x", candidates=["jpeg", "avif"], target=5000, **options)  # type: ignore[misc]
    assert caught.value.field_violations[0].field in ("candidates", "auto_quality.target")
