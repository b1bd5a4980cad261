"""The gRPC channel: its target, its security, its limits and its service config."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import grpc

from autoquality._address import is_local
from autoquality._connection import Peer
from autoquality._version import __version__

SERVICE_CONFIG = json.dumps({"loadBalancingConfig": [{"round_robin": {}}]})
"""Use the replicas in turn. There is no retry policy, because `_call` retries more than gRPC."""

PEM: TypeAlias = bytes | str | os.PathLike[str]
"""A certificate or key: PEM as bytes, or its path."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A server, and how to connect to it. A channel connects when it is used."""

    peer: Peer
    name: str
    """The name of gRPC, with its scheme."""
    credentials: grpc.ChannelCredentials | None
    """None does without TLS."""
    options: tuple[tuple[str, Any], ...]
    compression: grpc.Compression | None

    def open(self, library: Any = grpc) -> Any:
        """Open a channel for threads, or with grpc.aio as `library` for the running event loop."""
        if self.credentials is None:
            return library.insecure_channel(self.name, self.options, self.compression)
        return library.secure_channel(self.name, self.credentials, self.options, self.compression)


def channel_arguments(
    target: str,
    server_name: str | None,
    max_message_bytes: int,
    replaced: Sequence[tuple[str, Any]],
) -> tuple[tuple[str, Any], ...]:
    """Return the options of a channel to `target`. Those in `replaced` have priority."""
    options: dict[str, Any] = {
        "grpc.max_send_message_length": max_message_bytes,
        "grpc.max_receive_message_length": max_message_bytes,
        # gRPC resends a request that a server refused unread during its shutdown, but only
        # if the request fits this buffer. Most photographs exceed the default of 256 KiB.
        "grpc.per_rpc_retry_buffer_size": max_message_bytes,
        "grpc.service_config": SERVICE_CONFIG,
        "grpc.primary_user_agent": f"autoquality-python/{__version__}",
        # By default, gRPC waits up to two minutes before it reconnects. A server restarts
        # sooner.
        "grpc.initial_reconnect_backoff_ms": 250,
        "grpc.max_reconnect_backoff_ms": 2_000,
    }
    if is_local(target):
        # To a proxy (http_proxy), this name is the proxy's own machine, which must get no token.
        options["grpc.enable_http_proxy"] = 0
    if server_name is not None:
        options["grpc.ssl_target_name_override"] = server_name
        options["grpc.default_authority"] = server_name
    # gRPC uses the first of two equal options, so the caller's options replace ours.
    return tuple({**options, **dict(replaced)}.items())


def tls_credentials(
    credentials: grpc.ChannelCredentials | None,
    tls: bool | None,
    *,
    ca: PEM | None,
    cert: PEM | None,
    key: PEM | None,
) -> grpc.ChannelCredentials | None:
    """Return `credentials`, or build them for `tls` and the certificates. None means no TLS.

    Certificates imply TLS. Raises ValueError for arguments that contradict each other, OSError
    for a file that cannot be read.
    """
    certificates = any(pem is not None for pem in (ca, cert, key))
    if credentials is not None:
        if certificates or tls is not None:
            raise ValueError("give either credentials or tls, ca, cert and key, not both")
        return credentials
    if tls is False and certificates:
        raise ValueError("ca, cert and key need TLS, but tls=False disables it")
    if (cert is None) != (key is None):
        raise ValueError("cert and key must be given together")
    if not (tls or certificates):
        return None
    return grpc.ssl_channel_credentials(
        root_certificates=_checked("ca", read_pem(ca), "CERTIFICATE"),
        private_key=_checked("key", read_pem(key), "PRIVATE KEY"),
        certificate_chain=_checked("cert", read_pem(cert), "CERTIFICATE"),
    )


def _checked(argument: str, pem: bytes | None, kind: str) -> bytes | None:
    """Return `pem`. Raises ValueError without a block of the kind: gRPC's error names nothing."""
    if pem is not None and f"{kind}-----".encode() not in pem:
        raise ValueError(f"{argument} must be PEM with a block '-----BEGIN {kind}-----'")
    return pem


def read_pem(pem: PEM | None) -> bytes | None:
    """Return the PEM, and read it if it is a path. Raises OSError."""
    return pem if pem is None or isinstance(pem, bytes) else Path(pem).read_bytes()
