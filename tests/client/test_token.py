"""A bearer token goes with every call, and never unencrypted to another machine."""

from __future__ import annotations

import grpc
import pytest
import trustme

from autoquality import Client
from autoquality.testing import FakeServer

TOKEN = "a-token-of-the-tests"


def test_a_token_goes_with_every_call_to_this_machine(server: FakeServer) -> None:
    with server.client(token=TOKEN) as client:
        client.encode(b"x")
        client.info()
    sent = [call.metadata["authorization"] for call in server.requests]
    assert sent == [f"Bearer {TOKEN}"] * 2


@pytest.mark.parametrize(
    "target",
    [
        *("images.example:50051", "10.0.0.1:50051", "[2001:db8::1]:50051", "2001:db8::1"),
        *(
            "dns:///images.example:1",
            "dns://8.8.8.8/images.example:1",
            "ipv4:127.0.0.1:1,10.0.0.1:1",
        ),
        *("localhost.example:1", "xds:///localhost"),
    ],
)
def test_a_token_goes_to_no_other_machine_in_the_clear(target: str) -> None:
    with pytest.raises(ValueError, match="unencrypted") as caught:
        Client(target, token=TOKEN)
    assert TOKEN not in str(caught.value)


@pytest.mark.parametrize(
    "target",
    [
        *("localhost:50051", "LOCALHOST:1", "127.0.0.2:50051", "[::1]:50051", "::1", "unix:/run/x"),
        *("dns:///localhost:1", "ipv4:127.0.0.1:1,127.0.0.2:1", "ipv6:[::1]:1", "unix-abstract:x"),
    ],
)
def test_a_token_goes_unencrypted_to_any_name_of_this_machine(target: str) -> None:
    Client(target, token=TOKEN).close()


def test_a_token_goes_anywhere_with_tls_or_with_tls_false() -> None:
    authority = trustme.CA().cert_pem.bytes()
    credentials = grpc.ssl_channel_credentials(authority)
    for options in ({"tls": True}, {"ca": authority}, {"credentials": credentials}, {"tls": False}):
        Client("images.example:50051", token=TOKEN, **options).close()


@pytest.mark.parametrize("token", ["", "two words", "line\n", "ümlaut"])
def test_an_invalid_token_is_refused_and_not_quoted(token: str) -> None:
    with pytest.raises(ValueError, match="token must be printable ASCII") as caught:
        Client(token=token)
    assert not token or token not in str(caught.value)
