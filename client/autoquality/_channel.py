"""The gRPC channel: its target, its security, its limits and its service config."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeAlias

import grpc

from autoquality._target import grpc_name
from autoquality._version import __version__

SERVICE_CONFIG = json.dumps({"loadBalancingConfig": [{"round_robin": {}}]})
"""Use the replicas in turn. There is no retry policy, because `_call` retries more than gRPC."""

PEM: TypeAlias = bytes | str | os.PathLike[str]
"""A certificate or key: PEM as bytes, or its path."""

MAX_RETRIES = 8
"""The delays between that many attempts exceed 20 seconds in total."""


def open_channel(
    target: str,
    *,
    credentials: grpc.ChannelCredentials | None,
    server_name: str | None,
    retries: int,
    max_message_bytes: int,
    compression: grpc.Compression | None,
    channel_options: Sequence[tuple[str, Any]],
) -> grpc.Channel:
    """Open a channel to `target`, without TLS if `credentials` is None. It connects when used.

    Raises ValueError for an invalid target and for too many retries.
    """
    if not 0 <= retries <= MAX_RETRIES:
        raise ValueError(f"retries must be from 0 to {MAX_RETRIES}, not {retries}")
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
    if server_name is not None:
        options["grpc.ssl_target_name_override"] = server_name
        options["grpc.default_authority"] = server_name
    # gRPC uses the first of two equal options, so the caller's options replace ours.
    arguments = tuple({**options, **dict(channel_options)}.items())
    name = grpc_name(target)
    if credentials is None:
        return grpc.insecure_channel(name, arguments, compression)
    return grpc.secure_channel(name, credentials, arguments, compression)


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
        root_certificates=read_pem(ca),
        private_key=read_pem(key),
        certificate_chain=read_pem(cert),
    )


def read_pem(pem: PEM | None) -> bytes | None:
    """Return the PEM, and read it if it is a path. Raises OSError."""
    return pem if pem is None or isinstance(pem, bytes) else Path(pem).read_bytes()
