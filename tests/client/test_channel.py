"""The targets of a connection, and its security."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
import trustme

from autoquality import Client, UnavailableError
from autoquality.testing import FakeServer
from tests.waiting import until

DIRECT: list[tuple[str, Any]] = [("grpc.enable_http_proxy", 0)]


@pytest.fixture(scope="module")
def ca() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def stranger() -> trustme.CA:
    """An authority that neither the server nor the client trusts."""
    return trustme.CA()


def pem(certificate: trustme.LeafCert) -> tuple[bytes, bytes]:
    """Return the private key and the chain."""
    chain = b"".join(blob.bytes() for blob in certificate.cert_chain_pems)
    return certificate.private_key_pem.bytes(), chain


@pytest.fixture(scope="module")
def tls_server(ca: trustme.CA) -> Iterator[FakeServer]:
    """A server with a certificate for 127.0.0.1."""
    credentials = grpc.ssl_server_credentials([pem(ca.issue_cert("127.0.0.1"))])
    with FakeServer(credentials=credentials) as server:
        yield server


@pytest.fixture(scope="module")
def mutual_server(ca: trustme.CA) -> Iterator[FakeServer]:
    """A server with a certificate for images.example, which requires one from the client."""
    credentials = grpc.ssl_server_credentials(
        [pem(ca.issue_cert("images.example"))],
        root_certificates=ca.cert_pem.bytes(),
        require_client_auth=True,
    )
    with FakeServer(credentials=credentials) as server:
        yield server


def test_an_authority_can_be_bytes_or_a_path(
    tls_server: FakeServer, ca: trustme.CA, tmp_path: Path
) -> None:
    path = tmp_path / "ca.pem"
    path.write_bytes(ca.cert_pem.bytes())
    for authority in (ca.cert_pem.bytes(), path, str(path)):
        with tls_server.client(ca=authority) as client:
            assert client.health()


def test_a_server_with_an_unknown_authority_is_refused(
    tls_server: FakeServer, stranger: trustme.CA
) -> None:
    for options in ({"tls": True}, {"ca": stranger.cert_pem.bytes()}):
        with tls_server.client(retries=0, **options) as client, pytest.raises(UnavailableError):
            client.info()


def test_a_server_with_another_name_needs_the_option_server_name(
    mutual_server: FakeServer, ca: trustme.CA
) -> None:
    key, chain = pem(ca.issue_cert("someone@example.org"))
    mine: dict[str, Any] = {"ca": ca.cert_pem.bytes(), "cert": chain, "key": key, "retries": 0}
    with mutual_server.client(**mine) as client, pytest.raises(UnavailableError):
        client.info()
    with mutual_server.client(server_name="images.example", **mine) as client:
        assert client.info().version


def test_mutual_tls_refuses_a_client_without_a_trusted_certificate(
    mutual_server: FakeServer, ca: trustme.CA, stranger: trustme.CA
) -> None:
    key, chain = pem(stranger.issue_cert("someone@example.org"))
    for options in ({}, {"cert": chain, "key": key}):
        client = mutual_server.client(
            ca=ca.cert_pem.bytes(), server_name="images.example", retries=0, **options
        )
        with client, pytest.raises(UnavailableError):
            client.info()


def test_credentials_replace_the_other_tls_options(tls_server: FakeServer, ca: trustme.CA) -> None:
    credentials = grpc.ssl_channel_credentials(ca.cert_pem.bytes())
    with tls_server.client(credentials=credentials) as client:
        assert client.health()


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"cert": b"pem"}, "cert and key must be given together"),
        ({"key": b"pem"}, "cert and key must be given together"),
        ({"tls": False, "ca": b"pem"}, "tls=False disables it"),
        ({"credentials": grpc.ssl_channel_credentials(), "ca": b"pem"}, "either credentials or"),
    ],
)
def test_options_that_contradict_each_other_are_refused(
    options: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(ValueError, match=complaint):
        Client(**options)


def test_a_missing_certificate_raises_file_not_found(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Client(ca=tmp_path / "nothing.pem")


def call_until_all_answered(client: Client, *servers: FakeServer) -> None:
    """Call until each server has answered. The client connects to them at different times."""

    def all_answered() -> bool:
        client.info()
        return all(server.requests for server in servers)

    until(all_answered, reason="an answer from every server")


def test_all_addresses_of_a_name_are_used_in_turn() -> None:
    with FakeServer() as one, FakeServer() as other:
        target = f"ipv4:{one.target},{other.target}"
        with Client(target, channel_options=DIRECT) as client:
            call_until_all_answered(client, one, other)
            before = len(one.requests), len(other.requests)
            for _ in range(10):
                client.info()
        assert len(one.requests) - before[0] == 5
        assert len(other.requests) - before[1] == 5


def test_no_call_fails_after_a_replica_has_stopped() -> None:
    with FakeServer() as stays:
        with FakeServer() as goes:
            target = f"ipv4:{stays.target},{goes.target}"
            client = Client(target, channel_options=DIRECT)
            call_until_all_answered(client, stays, goes)
        with client:
            for _ in range(10):
                client.info()


@pytest.mark.parametrize("prefix", ["", "dns:///", "ipv4:"])
def test_a_target_is_a_host_or_any_grpc_name(server: FakeServer, prefix: str) -> None:
    with Client(prefix + server.target, channel_options=DIRECT) as client:
        assert client.health()
