"""The options for a secure connection."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
import trustme
from click.testing import CliRunner

from autoquality._cli.main import cli
from autoquality.testing import FakeServer
from tests.authorities import chain_of, key_of

TOKEN = "a-token-of-the-tests"


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def elsewhere(authority: trustme.CA) -> Iterator[FakeServer]:
    """A server with a certificate for images.example."""
    certificate = authority.issue_cert("images.example")
    pair = (key_of(certificate), chain_of(certificate))
    with FakeServer(credentials=grpc.ssl_server_credentials([pair])) as server:
        yield server


def test_the_server_s_certificate_can_have_the_name_in_server_name(
    elsewhere: FakeServer, authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    ca = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(ca))
    options = ["--server", elsewhere.target, "--ca", str(ca), "--token", TOKEN]
    named = CliRunner().invoke(cli, [*options, "--server-name", "images.example", "info"])
    assert named.exit_code == 0, named.stderr
    assert elsewhere.requests[0].metadata["authorization"] == f"Bearer {TOKEN}"


@pytest.mark.usefixtures("short_outage")
def test_mutual_tls_needs_the_client_s_certificate(
    authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    server_cert, client_cert = (authority.issue_cert(name) for name in ("127.0.0.1", "a@b.example"))
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    client_cert.private_key_pem.write_to_path(str(tmp_path / "key.pem"))
    client_cert.cert_chain_pems[0].write_to_path(str(tmp_path / "cert.pem"))
    credentials = grpc.ssl_server_credentials(
        [(key_of(server_cert), chain_of(server_cert))],
        root_certificates=authority.cert_pem.bytes(),
        require_client_auth=True,
    )
    certificate = ["--cert", f"{tmp_path}/cert.pem", "--key", f"{tmp_path}/key.pem"]
    with FakeServer(credentials=credentials) as server:
        options = ["--server", server.target, "--ca", f"{tmp_path}/ca.pem"]
        assert CliRunner().invoke(cli, [*options, *certificate, "info"]).exit_code == 0
        assert CliRunner().invoke(cli, [*options, "info"]).exit_code == 3


def test_a_server_with_tls_gives_one_line_that_names_the_option(
    elsewhere: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    result = CliRunner().invoke(cli, ["--server", elsewhere.target, "info"])
    assert result.exit_code == 3
    (line,) = result.stderr.splitlines()
    assert line.startswith(f"autoquality: cannot reach {elsewhere.target}: the server uses TLS")
    assert "--tls" in line and "--ca" in line


def test_a_url_is_no_address() -> None:
    result = CliRunner().invoke(cli, ["--server", "https://images.example", "info"])
    assert result.exit_code == 2
    assert "use images.example with tls=True (--tls)" in result.stderr


def test_a_token_for_another_machine_needs_tls_or_insecure() -> None:
    options = ["--server", "nowhere.invalid:1", "--timeout", "0.2", "--token", TOKEN]
    refused = CliRunner().invoke(cli, [*options, "info"])
    assert refused.exit_code == 2
    assert "unencrypted" in refused.stderr and "--insecure" in refused.stderr
    assert TOKEN not in refused.stderr
    for option in ("--insecure", "--tls"):
        tried = CliRunner().invoke(cli, [*options, option, "info"])
        assert tried.exit_code in (1, 3), tried.stderr


def test_tls_and_insecure_contradict_each_other() -> None:
    refused = CliRunner().invoke(cli, ["--tls", "--insecure", "info"])
    assert refused.exit_code == 2
    assert "contradict" in refused.stderr
