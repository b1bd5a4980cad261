"""A server that other machines can reach without TLS or without authentication warns once."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from autoquality._address import is_local
from autoquality_server.auth.exposure import missing_protection
from autoquality_server.config import Settings
from tests.rpc.conftest import Process

EVENT = "the server can be reached from other machines"


@pytest.mark.parametrize(
    ("listen", "local"),
    [
        *(("127.0.0.1:1", True), ("[::1]:1", True), ("localhost:1", True), ("unix:/x", True)),
        *(("0.0.0.0:1", False), ("[::]:1", False), ("10.0.0.1:1", False), ("example.org:1", False)),
    ],
)
def test_loopback_addresses_and_unix_sockets_are_local(listen: str, local: bool) -> None:
    assert is_local(listen) is local


@pytest.mark.parametrize(
    ("fields", "missing"),
    [
        ((), ["TLS", "tokens or client certificates"]),
        (("tls_cert",), ["tokens or client certificates"]),
        (("token_file",), ["TLS"]),
        (("tls_cert", "token_file"), []),
        (("tls_cert", "tls_client_ca"), []),
    ],
)
def test_missing_protection_is_listed_for_a_server_that_is_not_local(
    fields: tuple[str, ...], missing: list[str]
) -> None:
    given = dict.fromkeys(fields, "/a/file")
    found = missing_protection(Settings(listen="0.0.0.0:0", **given))
    assert [text.partition(" (")[0] for text in found] == missing
    assert missing_protection(Settings(listen="127.0.0.1:0", **given)) == []


def test_one_line_at_the_start_warns(start_process: Callable[..., Process]) -> None:
    (line,) = start_process(LISTEN="0.0.0.0:0").lines(EVENT)
    assert line["level"] == "warning"
    assert len(line["missing"]) == 2
