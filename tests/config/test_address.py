"""Addresses to listen on."""

from __future__ import annotations

import socket

import pytest

from autoquality_server.config.address import (
    collide,
    listen_address,
    metrics_address,
    parse_tcp,
)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:50051", "127.0.0.1:50051"),
        ("localhost:0", "localhost:0"),
        ("[::1]:80", "[::1]:80"),
        ("unix:/run/autoquality.sock", "unix:/run/autoquality.sock"),
        (" 0.0.0.0:1 ", "0.0.0.0:1"),
    ],
)
def test_grpc_listens_on_a_port_or_a_unix_socket(text: str, address: str) -> None:
    assert listen_address(text) == address


def test_a_port_alone_is_every_interface() -> None:
    expected = "[::]:50051" if socket.has_dualstack_ipv6() else "0.0.0.0:50051"
    assert listen_address(":50051") == expected


def test_ipv6_hosts_lose_their_brackets() -> None:
    address = parse_tcp("[::1]:9464")
    assert (address.host, address.port) == ("::1", 9464)


@pytest.mark.parametrize("text", ["", "off", "OFF", "none"])
def test_metrics_can_be_switched_off(text: str) -> None:
    assert metrics_address(text) == ""


@pytest.mark.parametrize(
    "text",
    [
        *("50051", "host:", "host:x", "host:65536", "host:" + "9" * 5000),
        *("::1:80", "a b:1", "a..b:1", "a" * 64 + ":1"),
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="host:port"):
        listen_address(text)
    with pytest.raises(ValueError, match="host:port"):
        metrics_address(text)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("127.0.0.1:1", "127.0.0.1:1", True),
        ("[::]:1", "127.0.0.1:1", True),
        ("0.0.0.0:1", "10.0.0.1:1", True),
        ("0.0.0.0:1", "[::1]:1", False),
        ("127.0.0.1:1", "127.0.0.2:1", False),
        ("127.0.0.1:1", "127.0.0.1:2", False),
        ("127.0.0.1:0", "127.0.0.1:0", False),
        ("unix:/a", "unix:/a", True),
        ("localhost:1", "127.0.0.1:1", True),
        ("localhost:1", "[::1]:1", True),
        ("[::1]:1", "[0:0:0:0:0:0:0:1]:1", True),
        ("a.example:1", "b.example:1", False),
        ("unix:/a", "unix:///a", True),
        ("unix:/a", "unix:/b", False),
        ("unix:/a", "127.0.0.1:1", False),
    ],
)
def test_two_servers_cannot_share_an_address(one: str, other: str, expected: bool) -> None:
    assert collide(one, other) is expected
    assert collide(other, one) is expected


def test_a_unix_socket_needs_a_path() -> None:
    with pytest.raises(ValueError, match="unix:/path"):
        listen_address("unix:")
