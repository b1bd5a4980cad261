"""Whether strangers can reach the server, said once at the start."""

from __future__ import annotations

import ipaddress

from autoquality_server.config import Settings
from autoquality_server.config.address import parse_tcp


def is_local(listen: str) -> bool:
    """Whether only this machine can reach `listen`: loopback, or a Unix socket."""
    if listen.startswith("unix:"):
        return True
    host = parse_tcp(listen).host
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def missing_defences(settings: Settings) -> list[str]:
    """What a server that others can reach should have and has not, in words."""
    if is_local(settings.listen):
        return []
    missing = []
    if not settings.tls_cert:
        missing.append("TLS (AUTOQUALITY_TLS_CERT): what is sent can be read and changed")
    if not (settings.token_file or settings.tls_client_ca):
        missing.append(
            "tokens or client certificates (AUTOQUALITY_TOKEN_FILE, AUTOQUALITY_TLS_CLIENT_CA): "
            "anybody may call"
        )
    return missing
