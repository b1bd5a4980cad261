"""Only the page itself may use the program behind it, and only within limits."""

from __future__ import annotations

import http.client
import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import grpc
import pytest
import trustme

from autoquality.testing import FakeServer, png_image
from autoquality.v1 import encoding_pb2 as pb
from tests.authorities import chain_of, key_of
from tests.explore.conftest import exploring
from tests.waiting import GATE_LIMIT, until, wait_for

Answer = tuple[int, dict[str, str], bytes]


def ask(
    url: str, method: str, path: str, body: object = None, headers: dict[str, str] | None = None
) -> Answer:
    """Send one request. The default headers are those of the page."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)
    origin = {"origin": url.rstrip("/")} if method == "POST" else {}
    connection.request(method, path, body, {**origin, **(headers or {})})
    answer = connection.getresponse()
    try:
        return answer.status, dict(answer.getheaders()), answer.read()
    finally:
        connection.close()


@pytest.fixture(scope="module")
def fake() -> Iterator[FakeServer]:
    with FakeServer() as server:
        yield server


@pytest.fixture(scope="module")
def url(fake: FakeServer) -> Iterator[str]:
    with exploring("--server", fake.target) as url:
        yield url


def calls(fake: FakeServer) -> int:
    return len(fake.requests)


@pytest.mark.parametrize("host", ["evil.example", "evil.example:{port}", "127.0.0.1", "", "[::1]"])
def test_a_request_for_another_host_is_refused(url: str, host: str) -> None:
    host = host.format(port=urlsplit(url).port)
    status, _, body = ask(url, "GET", "/", headers={"host": host})
    assert status == 403
    assert b"AutoQuality" not in body


def test_localhost_is_a_valid_host(url: str) -> None:
    host = f"localhost:{urlsplit(url).port}"
    assert ask(url, "GET", "/", headers={"host": host})[0] == 200
    headers = {"host": host, "origin": f"http://{host}"}
    assert ask(url, "POST", "/api/encode", b"image", headers)[0] == 200


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "https://127.0.0.1", "", None])
def test_a_post_from_another_origin_reaches_no_server(
    url: str, fake: FakeServer, origin: str | None
) -> None:
    before = calls(fake)
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)
    connection.request("POST", "/api/encode", b"x", {} if origin is None else {"origin": origin})
    assert connection.getresponse().status == 403
    connection.close()
    assert calls(fake) == before


def test_another_origin_may_not_read_the_server_s_abilities(url: str) -> None:
    assert ask(url, "GET", "/api/server", headers={"origin": "http://evil.example"})[0] == 403


@pytest.mark.parametrize("path", ["/", "/static/main.js", "/api/server", "/nothing"])
def test_every_answer_has_the_strict_headers(url: str, path: str) -> None:
    _, headers, _ = ask(url, "GET", path)
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy and "http" not in policy and "*" not in policy
    assert "frame-ancestors 'none'" in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert not any(name.startswith("access-control") for name in headers)


@pytest.mark.parametrize("path", ["/static/../app.py", "/static/%2e%2e/app.py", "/app.py"])
def test_only_the_page_s_own_files_are_served(url: str, path: str) -> None:
    assert ask(url, "GET", path)[0] == 404


def test_it_listens_on_loopback_alone(url: str) -> None:
    address = urlsplit(url)
    assert address.hostname == "127.0.0.1"
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.2", address.port), timeout=5)


@pytest.mark.parametrize("announced", [True, False])
def test_an_upload_over_the_limit_is_refused(url: str, fake: FakeServer, announced: bool) -> None:
    before = calls(fake)
    block = bytes(2**20)
    # Without a length, http.client sends chunks, which the program has to count.
    headers = {"content-length": str(65 * 2**20)} if announced else {}
    try:
        status, _, body = ask(url, "POST", "/api/encode", (block for _ in range(65)), headers)
    except (BrokenPipeError, ConnectionResetError):
        assert announced, "it may stop reading what it refuses"
    else:
        assert status == 413
        assert json.loads(body)["error"]["message"] == "The image is larger than 64 MiB."
    assert calls(fake) == before


def test_a_browser_that_leaves_ends_the_call(url: str, fake: FakeServer) -> None:
    over = threading.Event()

    def wait(_request: pb.EncodeRequest) -> pb.EncodeResponse:
        over.wait(GATE_LIMIT)
        return pb.EncodeResponse()

    fake.respond(wait, rpc="EncodeStream")
    before = calls(fake)
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)
    connection.request("POST", "/api/encode", b"image", {"origin": url.rstrip("/")})
    try:
        until(lambda: calls(fake) > before, reason="the call")
        assert connection.sock
        connection.sock.close()
        connection.close()
        wait_for(fake.requests[-1].ended, "the end of the call")
    finally:
        over.set()


def test_the_token_goes_to_the_server_and_never_to_the_page(fake: FakeServer) -> None:
    value = "page-token-" * 3
    variables = {"AUTOQUALITY_TOKEN": value}
    with exploring("--server", fake.target, environment=variables) as url:
        said = [ask(url, "GET", "/api/server")[2], ask(url, "POST", "/api/encode", png_image())[2]]
    assert fake.requests[-1].metadata["authorization"] == f"Bearer {value}"
    assert all(value.encode() not in body for body in said)
    assert b"$AUTOQUALITY_TOKEN" in said[1]


def test_it_reaches_a_server_with_tls(tmp_path: Path) -> None:
    authority = trustme.CA()
    certificate = authority.issue_cert("images.example")
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    credentials = grpc.ssl_server_credentials([(key_of(certificate), chain_of(certificate))])
    options = ("--ca", f"{tmp_path}/ca.pem", "--server-name", "images.example")
    with (
        FakeServer(credentials=credentials) as server,
        exploring("--server", server.target, *options) as url,
    ):
        status, _, body = ask(url, "POST", "/api/encode?format=webp", png_image())
    assert (status, len(server.requests)) == (200, 1)
    assert f"-cacert {tmp_path}/ca.pem -servername images.example".encode() in body
