"""Bearer tokens: only callers with a token are served, by its name, and no token is logged."""

from __future__ import annotations

import hmac
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_health.v1 import health_pb2

from autoquality import Client, UnauthenticatedError
from autoquality_server.auth import reload
from autoquality_server.auth.tokens import read_tokens
from autoquality_server.config import ConfigError
from tests.auth.test_tls import as_client_of, connect
from tests.authorities import TlsFiles, replace
from tests.rpc.conftest import Process, Served, health_stub, scrape
from tests.rpc.scripted import request
from tests.rpc.test_diagnostics import servers_of, services_of
from tests.rpc.test_errors import detail
from tests.waiting import LIMIT

ONE, OTHER, UNNAMED = "one-of-the-tokens-0001", "another-of-the-tokens/+=", "unnamed.token~000000"
FILE = f"""\
# who may call
shop: {ONE}
shop:{OTHER}

  {UNNAMED}
"""


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    path = tmp_path / "tokens"
    path.write_text(FILE)
    return path


@pytest.fixture
def server(serve_with: Callable[..., Served], token_file: Path) -> Served:
    return serve_with(token_file=os.fspath(token_file))


def encode_with(server: Served, *authorization: str) -> Any:
    """Call with so many authorization headers."""
    metadata = tuple(("authorization", one) for one in authorization)
    return server.stub.Encode(request(), metadata=metadata)


def refusal(server: Served, *authorization: str) -> grpc.Call:
    with pytest.raises(grpc.RpcError) as caught:
        encode_with(server, *authorization)
    call: Any = caught.value
    assert call.code() is grpc.StatusCode.UNAUTHENTICATED
    return call  # type: ignore[no-any-return]


@pytest.mark.parametrize("token", [ONE, OTHER, UNNAMED])
@pytest.mark.parametrize("scheme", ["Bearer", "bearer"])
def test_a_call_with_any_of_the_tokens_is_served(server: Served, token: str, scheme: str) -> None:
    assert encode_with(server, f"{scheme} {token}").quality == 80


def test_the_error_for_a_call_without_a_token_says_what_is_missing(server: Served) -> None:
    call = refusal(server)
    assert call.details() == "a token is required: authorization: Bearer ..."
    info = detail(call, error_details_pb2.ErrorInfo)
    assert info is not None and (info.reason, info.domain) == ("TOKEN_MISSING", "autoquality.v1")
    assert detail(call, error_details_pb2.RequestInfo) is not None


@pytest.mark.parametrize(
    "token",
    ["wrong-but-long-enough", f"{ONE}x", ONE[:-1], f"shop:{ONE}", "shop"],
)
def test_any_other_token_is_refused(server: Served, token: str) -> None:
    call = refusal(server, f"Bearer {token}")
    assert call.details() == "the token is not valid"
    info = detail(call, error_details_pb2.ErrorInfo)
    assert info is not None and info.reason == "TOKEN_INVALID"


@pytest.mark.parametrize(
    "authorization",
    [[f"Basic {ONE}"], [ONE], ["Bearer"], [f"Bearer{ONE}"], [f"Bearer {ONE}", f"Bearer {OTHER}"]],
)
def test_the_error_for_another_form_than_a_bearer_token_says_what_is_right(
    server: Served, authorization: list[str]
) -> None:
    call = refusal(server, *authorization)
    assert call.details() == "authorization must be sent once, as: Bearer TOKEN"
    info = detail(call, error_details_pb2.ErrorInfo)
    assert info is not None and info.reason == "TOKEN_INVALID"


def test_the_message_of_a_call_without_a_token_is_not_received(server: Served) -> None:
    """The upload is endless: only a server that does not wait for it can answer."""
    ended: Any = server.channel.stream_unary("/autoquality.v1.EncodingService/Encode")
    call = ended.future(iter(lambda: bytes(65536), None))
    assert call.code() is grpc.StatusCode.UNAUTHENTICATED


def test_health_checks_need_a_token_only_if_configured(
    serve_with: Callable[..., Served], server: Served, token_file: Path
) -> None:
    question = health_pb2.HealthCheckRequest()
    assert health_stub(server.channel).Check(question).status == 1
    assert next(health_stub(server.channel).Watch(question)).status == 1

    closed = serve_with(token_file=os.fspath(token_file), open_health=False)
    stub = health_stub(closed.channel)
    for ask in (stub.Check, lambda question: next(stub.Watch(question))):
        with pytest.raises(grpc.RpcError) as caught:
            ask(question)
        assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED
    metadata = (("authorization", f"Bearer {ONE}"),)
    assert stub.Check(question, metadata=metadata).status == 1
    assert next(stub.Watch(question, metadata=metadata)).status == 1


def test_reflection_and_channelz_are_behind_the_token(
    serve_with: Callable[..., Served], token_file: Path
) -> None:
    server = serve_with(token_file=os.fspath(token_file), channelz=True)
    for look in (services_of, servers_of):
        with pytest.raises(grpc.RpcError) as caught:
            look(server)
        assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED


def test_a_changed_file_takes_effect_with_the_next_call(server: Served, token_file: Path) -> None:
    fresh = "a-fresh-token-0000001"
    refusal(server, f"Bearer {fresh}")
    replace(token_file, f"shop:{fresh}\n".encode())
    assert encode_with(server, f"Bearer {fresh}").quality == 80
    refusal(server, f"Bearer {ONE}")
    token_file.write_text(FILE)  # written over in place
    assert encode_with(server, f"Bearer {ONE}").quality == 80
    refusal(server, f"Bearer {fresh}")


VALID_BUT_LARGE = b"a-fresh-token-0000001\n#" + bytes(reload.MOST_BYTES)


@pytest.mark.parametrize(
    "content", [b"", b"# nobody\n", b"short\n", b"\xff\xfe", VALID_BUT_LARGE, None]
)
def test_a_file_that_cannot_be_used_leaves_the_tokens_as_they_were(
    server: Served, token_file: Path, content: bytes | None
) -> None:
    if content is None:
        token_file.unlink()
    else:
        replace(token_file, content)
    assert encode_with(server, f"Bearer {ONE}").quality == 80
    refusal(server, "Bearer wrong-but-long-enough")


def test_a_fifo_in_place_of_the_file_blocks_no_call(server: Served, token_file: Path) -> None:
    token_file.unlink()
    os.mkfifo(token_file)
    call = server.stub.Encode.future(request(), metadata=(("authorization", f"Bearer {ONE}"),))
    assert call.result(LIMIT).quality == 80


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("shop:short", "a token must have 16 characters or more"),
        ("shop:", "a token must be letters, digits and"),
        ("two words in here", "a token must be letters, digits and"),
        ("a shop:a-token-that-is-long-enough", "a name must be letters, digits and"),
        (":a-token-that-is-long-enough", "a name must be letters, digits and"),
        (f"other:{ONE}", "the token already has a name"),
    ],
)
def test_a_wrong_line_is_named_by_its_number_and_not_quoted(
    token_file: Path, line: str, complaint: str
) -> None:
    token_file.write_text(FILE + line + "\n")
    with pytest.raises(ConfigError) as caught:
        read_tokens(token_file)
    said = str(caught.value)
    assert said.startswith(f"AUTOQUALITY_TOKEN_FILE: line 6 of {token_file}: {complaint}")
    assert line.rpartition(":")[2] not in said or not line.rpartition(":")[2]


def test_a_token_of_16_characters_is_long_enough(token_file: Path) -> None:
    token_file.write_text("shop:0123456789abcdef\n")
    assert read_tokens(token_file).name_of("0123456789abcdef") == "shop"


def test_a_file_of_a_windows_editor_is_read(token_file: Path) -> None:
    token_file.write_bytes(b"\xef\xbb\xbfshop: 0123456789abcdef\r\nci: a-token-of-the-ci\r\n")
    tokens = read_tokens(token_file)
    assert tokens.name_of("0123456789abcdef") == "shop"
    assert tokens.name_of("a-token-of-the-ci") == "ci"


def test_the_text_of_tokens_shows_neither_a_name_nor_a_hash(token_file: Path) -> None:
    assert repr(read_tokens(token_file)) == "Tokens()"


def test_every_token_is_compared_in_constant_time(
    token_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens, compared, really = read_tokens(token_file), 0, hmac.compare_digest

    def counting(one: bytes, other: bytes) -> bool:
        nonlocal compared
        compared += 1
        return really(one, other)

    monkeypatch.setattr(hmac, "compare_digest", counting)
    for token in (ONE, OTHER, UNNAMED, "nobody's"):
        compared = 0
        tokens.name_of(token)
        assert compared == 3


def test_tokens_are_in_no_log_and_no_metric_but_the_names_are_in_the_log(
    start_process: Callable[..., Process], token_file: Path
) -> None:
    server = start_process(TOKEN_FILE=str(token_file), LOG_LEVEL="debug")
    wrong = "wrong-but-long-enough"
    for token in (ONE, UNNAMED):
        with Client(server.address, token=token) as client:
            client.encode(b"x")
            with pytest.raises(Exception, match="internal error"):
                client.encode(b"x", background="defect")
    with (
        Client(server.address, token=wrong) as client,
        pytest.raises(UnauthenticatedError) as caught,
    ):
        client.encode(b"x")
    metrics = "\n".join(scrape(server.metrics_port))
    texts = [server.log.read_text(), metrics, str(caught.value), repr(caught.value.details)]
    for secret in (ONE, OTHER, UNNAMED, wrong):
        assert not any(secret in text for text in texts)
    callers = [line.get("caller") for line in server.lines("request")]
    assert callers == ["shop", "shop", "token-5", "token-5", None]
    assert 'autoquality_rejected_total{reason="TOKEN_INVALID"}' in metrics


def test_a_token_is_required_in_addition_to_a_client_certificate(
    serve_with: Callable[..., Served], token_file: Path, files: TlsFiles, authority: Any
) -> None:
    server = serve_with(token_file=os.fspath(token_file), **files.mutual)
    mine = as_client_of(authority)
    with connect(server, authority, **mine) as client, pytest.raises(UnauthenticatedError):
        client.info()
    with connect(server, authority, token=ONE, **mine) as client:
        assert client.info().version == "scripted"
