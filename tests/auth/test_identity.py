"""Callers are identified by token, else by certificate, else by address."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import trustme

from autoquality import Client
from autoquality_server.auth.identity import address_of
from tests.auth.test_tls import as_client_of
from tests.authorities import TlsFiles, chain_of, key_of
from tests.rpc.conftest import Process


@pytest.mark.parametrize(
    ("peer", "identity"),
    [
        ("ipv4:203.0.113.7:4711", "203.0.113.7"),
        ("ipv6:[2001:db8:1:2:3:4:5:6]:4711", "2001:db8:1:2::/64"),
        ("ipv6:%5B2001:db8:1:2::9%5D:4711", "2001:db8:1:2::/64"),
        ("ipv6:[::ffff:203.0.113.7]:4711", "203.0.113.7"),
        ("ipv6:[fe80::1%eth0]:4711", "fe80::/64"),
        ("unix:/run/x.sock", "unix"),
        ("unix:", "unix"),
    ],
)
def test_an_address_is_an_identity_without_its_port(peer: str, identity: str) -> None:
    assert address_of(peer) == identity


def test_without_tokens_and_certificates_the_log_has_the_address(
    start_process: Callable[..., Process],
) -> None:
    server = start_process()
    with Client(server.address) as client:
        client.encode(b"x")
    assert server.lines("request")[0]["caller"] == "127.0.0.1"


def test_with_client_certificates_the_log_has_their_subject(
    start_process: Callable[..., Process], files: TlsFiles, authority: trustme.CA
) -> None:
    paths = {"TLS_CERT": files.cert, "TLS_KEY": files.key, "TLS_CLIENT_CA": files.client_ca}
    server = start_process(**{name: str(path) for name, path in paths.items()})
    named = authority.issue_cert("a@example.org", common_name="the shop")
    callers = {"cert": chain_of(named), "key": key_of(named)}, as_client_of(authority)
    for options in callers:
        with Client(server.address, ca=authority.cert_pem.bytes(), **options) as client:
            client.encode(b"x")
    first, second = (line["caller"] for line in server.lines("request"))
    assert "the shop" in first
    assert first != second
