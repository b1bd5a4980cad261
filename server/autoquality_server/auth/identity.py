"""Identifies callers: by token, else by client certificate, else by address."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, cast

import grpc

from autoquality_core.errors import ServiceError
from autoquality_server.auth.reload import Reloaded
from autoquality_server.auth.tokens import Tokens, read_tokens
from autoquality_server.config import Settings

Metadata = Sequence[tuple[str, str | bytes]]
Identify = Callable[[Metadata, grpc.ServicerContext], str]
"""Returns the identity of a caller; raises Unauthenticated."""

_SUBJECT_KEYS = ("x509_subject", "x509_common_name", "x509_subject_alternative_name")
_IPV6_SITE_BITS = 64
"""The prefix that one customer gets: its addresses count as the same caller."""


class Unauthenticated(ServiceError):
    """The caller has not proven who it is.

    Reasons: TOKEN_MISSING, TOKEN_INVALID.
    """

    status = "UNAUTHENTICATED"
    reason = "TOKEN_MISSING"


def identifier(settings: Settings) -> Identify:
    """Return how callers are identified. Raises ConfigError for a wrong token file."""
    if settings.token_file:
        path = Path(settings.token_file)
        return partial(_by_token, Reloaded("the tokens", [path], partial(read_tokens, path)))
    return _by_subject if settings.tls_client_ca else _by_address


def _by_token(tokens: Reloaded[Tokens], metadata: Metadata, _: grpc.ServicerContext) -> str:
    given = [value for key, value in metadata if key == "authorization"]
    if not given:
        raise Unauthenticated("a token is required: authorization: Bearer ...")
    scheme, space, token = str(given[0]).partition(" ")
    if len(given) > 1 or scheme.lower() != "bearer" or not space:
        right = "authorization must be sent once, as: Bearer TOKEN"
        raise Unauthenticated(right, reason="TOKEN_INVALID")
    name = tokens.current().name_of(token.strip())
    if name is None:
        raise Unauthenticated("the token is not valid", reason="TOKEN_INVALID")
    return name


def _by_subject(_: Metadata, context: grpc.ServicerContext) -> str:
    # The stubs say one value per key; there are several.
    verified: Mapping[str, Iterable[bytes]] = cast("Any", context).auth_context()
    for key in _SUBJECT_KEYS:
        for value in verified.get(key, ()):
            if value:
                return value.decode("utf-8", "replace")
    return _by_address((), context)  # the certificate has no name


def _by_address(_: Metadata, context: grpc.ServicerContext) -> str:
    return address_of(context.peer())


def address_of(peer: str) -> str:
    """Return the address in gRPC's name of a peer without its port; for IPv6 only its /64."""
    tcp = host_and_port(peer)
    if tcp is None:
        return peer.partition(":")[0]
    address = ipaddress.ip_address(tcp[0].partition("%")[0])
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((address, _IPV6_SITE_BITS), strict=False))


def host_and_port(peer: str) -> tuple[str, int] | None:
    """Return both from gRPC's name of a peer; None if it is not connected by TCP."""
    kind, _, rest = peer.partition(":")
    if kind not in ("ipv4", "ipv6"):
        return None
    host, _, port = rest.replace("%5B", "[").replace("%5D", "]").rpartition(":")
    return host.strip("[]"), int(port)
