"""The metrics over HTTPS: served, renewed without a restart, to those who may read them."""

from __future__ import annotations

import os
import socket
import ssl
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trustme

from autoquality_server.config import ConfigError, load
from tests.authorities import TlsFiles, replace
from tests.rpc.conftest import Served
from tests.waiting import LIMIT

Serve = Callable[..., Served]


@pytest.fixture
def server(serve_with: Serve, files: TlsFiles) -> Served:
    return serve_with(metrics_tls=True, **files.settings)


def trusting(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


def read(server: Served, context: ssl.SSLContext) -> str:
    url = f"https://127.0.0.1:{server.app.metrics_port}/metrics"
    with urllib.request.urlopen(url, context=context, timeout=LIMIT) as answer:
        return str(answer.read().decode())


def shown(server: Served) -> bytes:
    """The certificate (DER) that a new connection is shown."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    address = ("127.0.0.1", server.app.metrics_port)
    with socket.create_connection(address) as plain, context.wrap_socket(plain) as secured:
        return secured.getpeercert(binary_form=True) or b""


def test_metrics_are_served_by_the_certificate_and_not_in_the_clear(
    server: Served, authority: trustme.CA
) -> None:
    assert "autoquality_build_info" in read(server, trusting(authority))
    with pytest.raises((ConnectionError, urllib.error.URLError)):
        urllib.request.urlopen(f"http://127.0.0.1:{server.app.metrics_port}/metrics")


def test_metrics_require_a_certificate_of_the_authority(
    serve_with: Serve, files: TlsFiles, authority: trustme.CA, stranger: trustme.CA
) -> None:
    mutual: dict[str, Any] = {**files.settings, "metrics_client_ca": os.fspath(files.client_ca)}
    server = serve_with(metrics_tls=True, **mutual)
    unknown, known = trusting(authority), trusting(authority)
    stranger.issue_cert("prometheus").configure_cert(unknown)
    authority.issue_cert("prometheus").configure_cert(known)
    for context in (trusting(authority), unknown):
        with pytest.raises((ConnectionError, urllib.error.URLError, ssl.SSLError)):
            read(server, context)
    assert "autoquality_build_info" in read(server, known)


def test_the_next_scrape_gets_a_renewed_certificate(
    server: Served, files: TlsFiles, authority: trustme.CA
) -> None:
    before = shown(server)
    renewed = files.renew(authority)
    assert shown(server) == renewed != before
    replace(files.cert, b"half a certif")
    assert shown(server) == renewed


def test_a_silent_connection_does_not_block_the_metrics(
    server: Served, authority: trustme.CA
) -> None:
    with socket.create_connection(("127.0.0.1", server.app.metrics_port), LIMIT):
        assert "autoquality_build_info" in read(server, trusting(authority))
        assert server.app.drain()


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        ({"metrics_tls": "true"}, "AUTOQUALITY_TLS_CERT: must be set along with"),
        ({"metrics_client_ca": __file__}, "AUTOQUALITY_METRICS_TLS: must be set along with"),
    ],
)
def test_what_is_missing_is_named(flags: dict[str, str], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        load(flags, {})


def test_authorities_that_are_none_stop_the_start(
    serve_with: Serve, files: TlsFiles, tmp_path: Path
) -> None:
    (tmp_path / "none.pem").write_text("nothing")
    wrong: dict[str, Any] = {**files.settings, "metrics_client_ca": str(tmp_path / "none.pem")}
    with pytest.raises(ConfigError, match="AUTOQUALITY_METRICS_CLIENT_CA: must be certificates"):
        serve_with(metrics_tls=True, **wrong)
