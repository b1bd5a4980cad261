"""Reflection resolves every name of the contract, in both versions of the protocol."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import grpc
import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from grpc_reflection.v1alpha import reflection_pb2 as pb

from tests.rpc.conftest import ENCODING, served

CONTRACT = "autoquality/v1/encoding.proto"


@pytest.fixture(scope="module", params=["v1", "v1alpha"])
def reflect(request: pytest.FixtureRequest) -> Iterator[Any]:
    """Ask a server one question, in one version."""
    path = f"/grpc.reflection.{request.param}.ServerReflection/ServerReflectionInfo"
    with served() as server:
        ask: Any = server.channel.stream_stream(
            path,
            request_serializer=pb.ServerReflectionRequest.SerializeToString,
            response_deserializer=pb.ServerReflectionResponse.FromString,
        )

        def one(**question: Any) -> pb.ServerReflectionResponse:
            asked = pb.ServerReflectionRequest(host="here", **question)
            (answer,) = ask(iter([asked]))
            assert (answer.valid_host, answer.original_request) == ("here", asked)
            return answer  # type: ignore[no-any-return]

        yield one


def files(answer: pb.ServerReflectionResponse) -> list[str]:
    protos = answer.file_descriptor_response.file_descriptor_proto
    return [FileDescriptorProto.FromString(one).name for one in protos]


@pytest.mark.parametrize(
    "name",
    [
        ENCODING,
        f"{ENCODING}.EncodeStream",
        "autoquality.v1.EncodeRequest",
        "autoquality.v1.AutoQuality.target",
        "autoquality.v1.EncodeRequest.source",
        "autoquality.v1.Notice.Code",
        "autoquality.v1.FORMAT_AVIF",
        "autoquality.v1.Format.FORMAT_AVIF",
    ],
)
def test_every_name_leads_to_its_file_and_what_that_imports(reflect: Any, name: str) -> None:
    answer = reflect(file_containing_symbol=name)
    assert files(answer) == [CONTRACT, "google/protobuf/duration.proto"]


def test_a_file_has_a_name_of_its_own(reflect: Any) -> None:
    assert files(reflect(file_by_filename=CONTRACT))[0] == CONTRACT


def test_both_versions_are_listed_and_described(reflect: Any) -> None:
    listed = [one.name for one in reflect(list_services="").list_services_response.service]
    versions = [f"grpc.reflection.{one}.ServerReflection" for one in ("v1", "v1alpha")]
    assert listed == [ENCODING, "grpc.health.v1.Health", *versions]
    for version in versions:
        assert len(files(reflect(file_containing_symbol=version))) == 1


@pytest.mark.parametrize(
    "question",
    [
        {"file_containing_symbol": f"{ENCODING}.Nothing"},
        {"file_containing_symbol": "autoquality.v1.Format.FORMAT_NOTHING"},
        {"file_containing_symbol": "autoquality.v1.AutoQuality.nothing"},
        {"file_containing_symbol": "nothing"},
        {"file_containing_symbol": ""},
        {"file_by_filename": "nothing.proto"},
        {"all_extension_numbers_of_type": "nothing"},
        {
            "file_containing_extension": pb.ExtensionRequest(
                containing_type="autoquality.v1.EncodeRequest", extension_number=1
            )
        },
    ],
)
def test_an_unknown_name_is_an_answer_and_the_stream_goes_on(
    reflect: Any, question: dict[str, Any]
) -> None:
    error = reflect(**question).error_response
    assert error.error_code == grpc.StatusCode.NOT_FOUND.value[0]
    assert next(iter(question)) in error.error_message


def test_a_message_without_extensions_has_an_empty_list_of_them(reflect: Any) -> None:
    name = "autoquality.v1.EncodeRequest"
    answer = reflect(all_extension_numbers_of_type=name)
    assert answer.all_extension_numbers_response.base_type_name == name
    assert not answer.all_extension_numbers_response.extension_number


def test_a_request_without_a_question_is_an_error(reflect: Any) -> None:
    assert reflect().error_response.error_code == grpc.StatusCode.INVALID_ARGUMENT.value[0]
