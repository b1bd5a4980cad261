"""The enums mirror the contract."""

from __future__ import annotations

import enum

import pytest
from google.protobuf.descriptor import EnumDescriptor

from autoquality import Client, Format, Method, NoticeCode, Outcome
from autoquality._enums import CONTRACT, prefix
from autoquality.testing import FakeServer
from autoquality.v1 import encoding_pb2 as pb


def test_every_enum_of_the_contract_has_a_python_enum() -> None:
    messages = pb.DESCRIPTOR.message_types_by_name.values()
    nested = [one for message in messages for one in message.enum_types]
    assert set(CONTRACT.values()) == {*pb.DESCRIPTOR.enum_types_by_name.values(), *nested}


@pytest.mark.parametrize(("kind", "descriptor"), CONTRACT.items())
def test_every_value_of_the_contract_has_a_member(
    kind: type[enum.StrEnum], descriptor: EnumDescriptor
) -> None:
    names = {value.name.removeprefix(prefix(descriptor)) for value in descriptor.values}
    assert {member.name for member in kind} - {"UNKNOWN"} == names - {"UNSPECIFIED"}
    assert all(member.value == member.name.lower() for member in kind)


def test_values_of_a_newer_server_are_unknown_and_stay_readable(
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
def test_a_format_has_the_usual_suffix_of_its_files(format: str, suffix: str) -> None:
    assert Format(format).suffix == suffix
