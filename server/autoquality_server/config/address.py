"""Where a server listens: a host and a port, or a Unix socket."""

from __future__ import annotations

import socket
from dataclasses import dataclass

_RIGHT = "must be host:port with a port from 0 to 65535"


@dataclass(frozen=True, slots=True)
class TcpAddress:
    """A host (IPv6 without brackets) and a port; port 0 lets the system choose."""

    host: str
    port: int


def parse_tcp(text: str) -> TcpAddress:
    """Read `host:port`, `[ipv6]:port` or `:port` (every interface); ValueError otherwise."""
    host, colon, port = text.strip().rpartition(":")
    if not colon or not port.isdecimal() or int(port) > 65535:
        raise ValueError(_RIGHT)
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        raise ValueError(f"{_RIGHT}, an IPv6 host in brackets")
    if any(character.isspace() for character in host):
        raise ValueError(_RIGHT)
    return TcpAddress(host or _every_interface(), int(port))


def _every_interface() -> str:
    return "::" if socket.has_dualstack_ipv6() else "0.0.0.0"  # noqa: S104 - was asked for


def listen_address(text: str) -> str:
    """Read what gRPC can listen on: `host:port`, `unix:/path`."""
    text = text.strip()
    if text.startswith("unix:"):
        if not text.removeprefix("unix:").removeprefix("//"):
            raise ValueError("must be unix:/path with a path")
        return text
    try:
        address = parse_tcp(text)
    except ValueError as error:
        raise ValueError(f"{error}, or unix:/path") from None
    host = f"[{address.host}]" if ":" in address.host else address.host
    return f"{host}:{address.port}"


def health_address(text: str) -> str:
    """Read where health checks alone are answered, as `listen_address`, or empty for nowhere."""
    if _is_off(text):
        return ""
    try:
        return listen_address(text)
    except ValueError as error:
        raise ValueError(f"{error}, or 'off'") from None


def metrics_address(text: str) -> str:
    """Read where metrics are served: `host:port`, or empty for nowhere (also `off`)."""
    if _is_off(text):
        return ""
    try:
        parse_tcp(text)
    except ValueError as error:
        raise ValueError(f"{error}, or 'off'") from None
    return text.strip()


def _is_off(text: str) -> bool:
    return text.strip().lower() in ("", "off", "none")
