"""The cause of a connection that fails."""

from __future__ import annotations

import asyncio
import datetime as dt
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import grpc
import pytest
import trustme

from autoquality import Client, DeadlineExceededError, UnavailableError
from autoquality._connection import Peer
from autoquality._retry import Backoff
from autoquality.testing import FakeServer, Fault, png_image
from tests.authorities import chain_of, key_of

DIRECT: list[tuple[str, Any]] = [("grpc.enable_http_proxy", 0)]
DAY = dt.timedelta(days=1)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def servers(authority: trustme.CA) -> Iterator[dict[str, FakeServer]]:
    """Servers by their certificates. "plain" has none."""
    now = dt.datetime.now(dt.UTC)
    past, future = (now - 9 * DAY, now - DAY), (now + DAY, now + 9 * DAY)
    certificates = {
        "valid": authority.issue_cert("127.0.0.1", "localhost"),
        "expired": authority.issue_cert("127.0.0.1", not_before=past[0], not_after=past[1]),
        "early": authority.issue_cert("127.0.0.1", not_before=future[0], not_after=future[1]),
        "elsewhere": authority.issue_cert("images.example"),
    }
    pairs = {name: [(key_of(one), chain_of(one))] for name, one in certificates.items()}
    credentials = {name: grpc.ssl_server_credentials(pair) for name, pair in pairs.items()}
    credentials["mutual"] = grpc.ssl_server_credentials(
        pairs["valid"], authority.cert_pem.bytes(), require_client_auth=True
    )
    running = {name: FakeServer(credentials=one) for name, one in credentials.items()}
    running["plain"] = FakeServer()
    for server in running.values():
        server.__enter__()
    yield running
    for server in running.values():
        server.__exit__(None, None, None)


@pytest.fixture
def no_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail the test if a call is retried."""

    def next_delay(_backoff: Backoff, error: Exception) -> float:
        pytest.fail(f"a retry after {error}")

    monkeypatch.setattr(Backoff, "next_delay", next_delay)


def test_a_refused_connection_names_the_address_also_after_a_wait() -> None:
    with Client("127.0.0.1:1", channel_options=DIRECT, retries=0) as client:
        cause = r"127\.0\.0\.1:1: no server listens there"
        with pytest.raises(UnavailableError, match=cause):
            client.info()
        with pytest.raises(DeadlineExceededError, match=cause):
            client.wait_ready(0.2)


def test_a_broken_connection_is_explained(servers: dict[str, FakeServer]) -> None:
    server = servers["plain"]
    server.respond(Fault(grpc.StatusCode.UNAVAILABLE, "Stream removed (Socket closed)"))
    with (
        server.client(retries=0) as client,
        pytest.raises(UnavailableError, match="the server ended or crashed") as failed,
    ):
        client.encode(png_image())
    assert failed.value.reason == "CONNECTION_LOST"


@pytest.mark.parametrize("argument", ["ca", "cert", "key"])
def test_a_file_without_pem_is_refused_by_name(argument: str) -> None:
    pem = {"cert": b"-----BEGIN CERTIFICATE-----", "key": b"-----BEGIN %s-----" % b"PRIVATE KEY"}
    with pytest.raises(ValueError, match=f"{argument} must be PEM with a block"):
        Client("localhost", **{**pem, argument: b"no pem"})


@pytest.mark.usefixtures("no_retries")
@pytest.mark.parametrize(
    ("server", "trusts", "reason", "advice"),
    [
        ("valid", None, "TLS_REQUIRED", "tls=True (--tls), or ca (--ca)"),
        ("plain", "authority", "TLS_UNSUPPORTED", "leave out tls, ca"),
        ("valid", "stranger", "CERTIFICATE_UNTRUSTED", "its authority with ca (--ca)"),
        ("valid", "public", "CERTIFICATE_UNTRUSTED", "its authority with ca (--ca)"),
        ("expired", "authority", "CERTIFICATE_EXPIRED", "must renew it"),
        ("early", "authority", "CERTIFICATE_NOT_YET_VALID", "check the clocks"),
        ("elsewhere", "authority", "CERTIFICATE_NAME_MISMATCH", "server_name (--server-name)"),
    ],
)
def test_a_failure_of_tls_names_its_cause_and_is_not_retried(
    servers: dict[str, FakeServer],
    authority: trustme.CA,
    server: str,
    trusts: str | None,
    reason: str,
    advice: str,
) -> None:
    known = {"authority": authority, "stranger": trustme.CA()}
    ca = known[trusts].cert_pem.bytes() if trusts in known else None
    with (
        servers[server].client(ca=ca, tls=True if trusts else None) as client,
        pytest.raises(UnavailableError, match=r"server") as failed,
    ):
        client.info()
    assert failed.value.reason == reason
    assert advice in str(failed.value)
    assert isinstance(failed.value.__cause__, grpc.RpcError)


@pytest.mark.usefixtures("no_retries")
def test_the_address_that_answers_names_the_cause_not_the_last_one_tried(
    servers: dict[str, FakeServer],
) -> None:
    """The name localhost also has the address ::1, where no server listens."""
    port = servers["valid"].target.rpartition(":")[2]
    with (
        Client(f"localhost:{port}", channel_options=DIRECT) as client,
        pytest.raises(UnavailableError, match="the server uses TLS"),
    ):
        client.info()


def test_a_missing_client_certificate_is_named(
    servers: dict[str, FakeServer], authority: trustme.CA
) -> None:
    ca = authority.cert_pem.bytes()
    with (
        servers["mutual"].client(ca=ca, retries=0) as client,
        pytest.raises(UnavailableError, match="requires a client certificate"),
    ):
        client.info()
    stranger = trustme.CA().issue_cert("a@b.example")
    pair = {"cert": chain_of(stranger), "key": key_of(stranger)}
    with (
        servers["mutual"].client(ca=ca, retries=0, **pair) as client,
        pytest.raises(UnavailableError, match="does not trust the client certificate"),
    ):
        client.info()


def test_the_causes_with_credentials_of_grpc_are_named(
    servers: dict[str, FakeServer], authority: trustme.CA
) -> None:
    credentials = grpc.ssl_channel_credentials(authority.cert_pem.bytes())
    with (
        servers["expired"].client(credentials=credentials) as client,
        pytest.raises(UnavailableError, match="certificate has expired"),
    ):
        client.info()


def test_waiting_for_a_server_ends_with_the_cause(
    servers: dict[str, FakeServer], authority: trustme.CA
) -> None:
    with (
        servers["expired"].client(ca=authority.cert_pem.bytes()) as client,
        pytest.raises(DeadlineExceededError, match="certificate has expired"),
    ):
        client.wait_ready(0.3)


@pytest.mark.usefixtures("no_retries")
def test_the_client_for_asyncio_names_the_same_causes(
    servers: dict[str, FakeServer], authority: trustme.CA
) -> None:
    ca = authority.cert_pem.bytes()

    async def calls() -> None:
        async with servers["valid"].async_client(ca=ca, token="secret") as client:
            assert await client.health()
        async with servers["expired"].async_client(ca=ca) as client:
            with pytest.raises(UnavailableError) as failed:
                await client.info()
            assert failed.value.reason == "CERTIFICATE_EXPIRED"
            with pytest.raises(DeadlineExceededError, match="certificate has expired"):
                await client.wait_ready(0.3)

    asyncio.run(calls())


@pytest.fixture
def web_server() -> Iterator[str]:
    """The address of a server that speaks HTTP/1 alone."""

    class Quiet(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Quiet) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()


def test_another_kind_of_server_is_named(web_server: str) -> None:
    with (
        Client(web_server, channel_options=DIRECT) as client,
        pytest.raises(UnavailableError, match="does not speak gRPC: check the port"),
    ):
        client.info()


def test_another_kind_of_server_is_named_if_another_address_refuses(web_server: str) -> None:
    """`localhost` is ::1 too, on which a server of 127.0.0.1 does not listen."""
    refused = UnavailableError(
        "failed to connect to all addresses; last error: UNKNOWN: ipv6:[::1]:9464: Failed to "
        "connect to remote host: Connection refused",
        code=grpc.StatusCode.UNAVAILABLE,
    )
    explained, permanent = Peer(web_server, secured=False).explain(refused)
    assert (explained.reason, permanent) == ("NOT_GRPC", True)


def test_a_dead_server_and_an_unknown_host_are_named() -> None:
    with FakeServer() as gone:
        pass
    for target, reason in ((gone.target, "CONNECTION_REFUSED"), ("no.invalid", "NAME_NOT_FOUND")):
        with (
            Client(target, retries=0, channel_options=DIRECT) as client,
            pytest.raises(UnavailableError) as failed,
        ):
            client.info()
        assert failed.value.reason == reason


@pytest.fixture
def proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy that refuses connections, as the environment names it."""
    for name in ("no_proxy", "no_grpc_proxy"):
        monkeypatch.delenv(name, raising=False)
    with FakeServer() as gone:
        monkeypatch.setenv("http_proxy", f"http://{gone.target}")


@pytest.mark.usefixtures("proxy")
def test_a_server_on_this_machine_is_not_reached_through_a_proxy() -> None:
    with FakeServer() as server, Client(server.target, retries=0, token="secret") as client:
        assert client.info().version
    (call,) = server.requests
    assert call.metadata["authorization"] == "Bearer secret"


@pytest.mark.usefixtures("proxy")
def test_a_failure_behind_a_proxy_names_its_variable() -> None:
    with (
        Client("images.invalid", retries=0) as client,
        pytest.raises(UnavailableError, match="the proxy of http_proxy, unless no_proxy names"),
    ):
        client.info()


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("http://host:1", "HOST:PORT without a scheme, not 'http://host:1': use host:1$"),
        ("grpcs://host:1/x", r"use host:1 with tls=True \(--tls\)"),
        ("host:", "a port up to 65535"),
        ("host:65536", "a port up to 65535"),
        (":50051", "must be HOST:PORT"),
        ("::1:50051", r"\[IPV6\]:PORT"),
        ("/run/autoquality.sock", "or unix:PATH"),
    ],
)
def test_an_invalid_target_is_refused_with_a_valid_one(target: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Client(target)
