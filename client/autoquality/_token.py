"""Check that a bearer token stays secret."""

from __future__ import annotations

import ipaddress
import re

_VALID = re.compile(r"[\x21-\x7e]+")
_LOCAL_SCHEMES = ("unix:", "unix-abstract:")


def check_token(token: str, target: str, *, secured: bool) -> None:
    """Raise ValueError for an invalid token, and for one that would go out unencrypted.

    `secured` is true with TLS, and if the caller chose to do without TLS. The message does not
    quote the token.
    """
    if not _VALID.fullmatch(token):
        raise ValueError("token must be printable ASCII without spaces")
    if not secured and not is_local(target):
        raise ValueError(
            f"the token would go to {target} unencrypted: use TLS, or allow this with "
            "tls=False (--insecure)"
        )


def is_local(target: str) -> bool:
    """Whether every address in the gRPC name `target` belongs to this machine."""
    if target.startswith(_LOCAL_SCHEMES):
        return True
    # dns://authority/host:port, ipv4:host:port,host:port, host:port
    path = re.sub(r"^(dns:(//[^/]*/)?|ipv[46]:)", "", target)
    return all(_is_loopback(_host(address)) for address in path.split(","))


def _host(address: str) -> str:
    if address.startswith("["):
        return address[1:].partition("]")[0]
    # Several colons without brackets: an IPv6 address without a port.
    return address if address.count(":") > 1 else address.partition(":")[0]


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"
