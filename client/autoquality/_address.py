"""The address of a server: what a user writes, what gRPC needs, and where a token may go."""

from __future__ import annotations

import ipaddress
import re

DEFAULT_PORT = 50051

# The schemes of gRPC's name resolution. Any other target is host:port.
_SCHEMES = ("dns:", "ipv4:", "ipv6:", "unix:", "unix-abstract:", "vsock:", "xds:")
_DNS = "dns:///"
_URL = re.compile(r"([a-z][a-z0-9+.-]*)://([^/]*)", re.IGNORECASE)
_SECURE_URLS = ("https", "grpcs")
_LOCAL_SCHEMES = ("unix:", "unix-abstract:")
_TOKEN = re.compile(r"[\x21-\x7e]+")


def grpc_name(target: str) -> str:
    """Return the gRPC name of `target`. A host without a port gets the default port.

    Raises ValueError for a URL and for an invalid port.
    """
    if target.startswith(_SCHEMES):
        return target
    if url := _URL.match(target):
        security = " with tls=True (--tls)" if url[1].lower() in _SECURE_URLS else ""
        raise ValueError(
            f"the server must be HOST:PORT without a scheme, not {target!r}: "
            f"use {url[2] or 'localhost'}{security}"
        )
    host, port = _split(target)
    if not _is_host(host) or not (port.isdecimal() and 0 < int(port) < 2**16):
        raise ValueError(
            "the server must be HOST:PORT with a port up to 65535, [IPV6]:PORT or unix:PATH, "
            f"not {target!r}"
        )
    return f"{_DNS}[{host}]:{port}" if ":" in host else f"{_DNS}{host}:{port}"


def with_port(target: str) -> str:
    """Return `target` with its port. Raises ValueError as `grpc_name` does."""
    return grpc_name(target) if target.startswith(_SCHEMES) else grpc_name(target)[len(_DNS) :]


def targets_in(text: str) -> tuple[str, ...]:
    """Return the different targets in `text`, with their ports.

    They are separated by spaces or commas. A name of gRPC may contain commas, so it ends only at
    a space. Raises ValueError as `grpc_name` does.
    """
    each = ([part] if part.startswith(_SCHEMES) else part.split(",") for part in text.split())
    targets = [with_port(target) for targets in each for target in targets if target]
    return tuple(dict.fromkeys(targets)) or (with_port(""),)


def host_and_port(target: str) -> tuple[str, int] | None:
    """Return the host and port of `target`. None for gRPC's own names."""
    if target.startswith(_SCHEMES):
        return None
    host, port = _split(target)
    return host, int(port)


def check_token(token: str, target: str, *, secured: bool) -> None:
    """Raise ValueError for an invalid token, and for one that would go out unencrypted.

    `secured` is true with TLS, and if the caller chose to do without TLS. The message does not
    quote the token.
    """
    if not _TOKEN.fullmatch(token):
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
    return all(_is_loopback(_split(address)[0]) for address in path.split(","))


def _is_host(text: str) -> bool:
    if ":" not in text:
        return bool(text) and "/" not in text
    try:
        return bool(ipaddress.IPv6Address(text))
    except ValueError:
        return False


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _split(target: str) -> tuple[str, str]:
    if target.startswith("["):
        host, _, rest = target[1:].partition("]")
        return host, rest.removeprefix(":") if rest else str(DEFAULT_PORT)
    if target.count(":") > 1:  # an IPv6 address without a port
        return target, str(DEFAULT_PORT)
    host, colon, port = target.partition(":")
    return host, port if colon else str(DEFAULT_PORT)
