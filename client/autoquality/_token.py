"""Where a bearer token may go."""

from __future__ import annotations

import ipaddress
import re

_SENDABLE = re.compile(r"[\x21-\x7e]+")
_LOCAL_SCHEMES = ("unix:", "unix-abstract:")


def check_token(token: str, target: str, *, secured: bool) -> None:
    """Raise ValueError for a token that cannot be sent, or that others could read.

    `secured` is True under TLS, and where the caller does without on purpose.
    The message does not quote the token.
    """
    if not _SENDABLE.fullmatch(token):
        raise ValueError("token must be printable ASCII without spaces")
    if not secured and not is_local(target):
        raise ValueError(
            f"the token would go to {target} in the clear: use TLS, or say that it shall "
            "(tls=False, --insecure)"
        )


def is_local(target: str) -> bool:
    """Whether every address that the gRPC name `target` tells is this machine's own."""
    if target.startswith(_LOCAL_SCHEMES):
        return True
    # dns://authority/host:port, ipv4:host:port,host:port, host:port
    path = re.sub(r"^(dns:(//[^/]*/)?|ipv[46]:)", "", target)
    return all(_is_loopback(_host(address)) for address in path.split(","))


def _host(address: str) -> str:
    if address.startswith("["):
        return address[1:].partition("]")[0]
    # With several colons and no brackets it is an IPv6 address without a port.
    return address if address.count(":") > 1 else address.partition(":")[0]


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"
