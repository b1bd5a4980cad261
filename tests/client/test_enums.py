"""The enums against the contract."""

from __future__ import annotations

import enum

import pytest
from google.protobuf.descriptor import EnumDescriptor

from autoquality import Client, ColorProfile, Format, Method, NoticeCode, Outcome, Stage, WebpPreset
from autoquality.testing import FakeServer
from autoquality.v1 import encoding_pb2 as pb


@pytest.mark.parametrize(
    ("kind", "descriptor", "prefix"),
    [
        (Format, pb.Format.DESCRIPTOR, "FORMAT_"),
        (Method, pb.Method.DESCRIPTOR, "METHOD_"),
        (Outcome, pb.Outcome.DESCRIPTOR, "OUTCOME_"),
        (NoticeCode, pb.Notice.Code.DESCRIPTOR, "CODE_"),
        (Stage, pb.EncodeProgress.Stage.DESCRIPTOR, "STAGE_"),
        (ColorProfile, pb.ColorProfile.DESCRIPTOR, "COLOR_PROFILE_"),
        (WebpPreset, pb.WebpPreset.DESCRIPTOR, "WEBP_PRESET_"),
    ],
)
def test_every_value_of_the_contract_has_a_member(
    kind: type[enum.StrEnum], descriptor: EnumDescriptor, prefix: str
) -> None:
    numbered = {value.name.removeprefix(prefix) for value in descriptor.values if value.number}
    assert {member.name for member in kind} - {"UNKNOWN"} == numbered


def test_values_of_a_newer_server_become_unknown_and_stay_readable(
    server: FakeServer, client: Client
) -> None:
    newer = pb.EncodeResponse(
        image=b"new",
        format=99,  # type: ignore[arg-type]
        outcome=98,  # type: ignore[arg-type]
        applied=pb.AutoQuality(method=97),  # type: ignore[arg-type]
        notices=[pb.Notice(code=96, message="new")],  # type: ignore[arg-type]
    )
    server.respond(newer)
    encoded = client.encode(b"photo")
    assert encoded.format is Format.UNKNOWN
    assert encoded.outcome is Outcome.UNKNOWN
    assert encoded.applied.method is Method.UNKNOWN
    assert encoded.notices[0].code is NoticeCode.UNKNOWN
    assert encoded.image == b"new"
    assert (encoded.message.format, encoded.message.outcome) == (99, 98)


@pytest.mark.parametrize(
    ("format", "suffix"), [("jpeg", ".jpg"), ("webp", ".webp"), ("avif", ".avif"), ("png", ".png")]
)
def test_a_format_knows_the_usual_end_of_a_file_name(format: str, suffix: str) -> None:
    assert Format(format).suffix == suffix
