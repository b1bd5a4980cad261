"""The channel: where to, how secured, how large, how often tried again."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeAlias

import grpc

from autoquality._version import __version__

SERVICE_CONFIG = json.dumps({"loadBalancingConfig": [{"round_robin": {}}]})
"""Every replica in turn. No retry policy: `_call` tries again, also where gRPC would not."""

PEM: TypeAlias = bytes | str | os.PathLike[str]
"""A certificate or key: PEM as bytes, or the path to it."""

MAX_RETRIES = 8
"""The last waits are 4 seconds each: together over 20."""

# What gRPC's name resolution knows; anything else is host:port.
_SCHEMES = ("dns:", "ipv4:", "ipv6:", "unix:", "unix-abstract:", "vsock:", "xds:")


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
    """A channel to `target`, in the clear without `credentials`; connects when used."""
    if not 0 <= retries <= MAX_RETRIES:
        raise ValueError(f"retries must be from 0 to {MAX_RETRIES}, not {retries}")
    options: dict[str, Any] = {
        "grpc.max_send_message_length": max_message_bytes,
        "grpc.max_receive_message_length": max_message_bytes,
        # A request larger than this buffer is not kept, and so not sent again by
        # gRPC itself where a server that leaves never saw it; its own 256 KiB is
        # less than most photographs.
        "grpc.per_rpc_retry_buffer_size": max_message_bytes,
        "grpc.service_config": SERVICE_CONFIG,
        "grpc.primary_user_agent": f"autoquality-python/{__version__}",
        # Up to two minutes pass between gRPC's own attempts to reconnect: too
        # long for a server that is just being restarted.
        "grpc.initial_reconnect_backoff_ms": 250,
        "grpc.max_reconnect_backoff_ms": 2_000,
    }
    if server_name is not None:
        options["grpc.ssl_target_name_override"] = server_name
        options["grpc.default_authority"] = server_name
    # Of an option that is given twice, gRPC takes the first.
    arguments = tuple({**options, **dict(channel_options)}.items())
    if not target.startswith(_SCHEMES):
        target = f"dns:///{target}"
    if credentials is None:
        return grpc.insecure_channel(target, arguments, compression)
    return grpc.secure_channel(target, credentials, arguments, compression)


def tls_credentials(
    given_whole: grpc.ChannelCredentials | None,
    tls: bool | None,
    *,
    ca: PEM | None,
    cert: PEM | None,
    key: PEM | None,
) -> grpc.ChannelCredentials | None:
    """What was given whole, or what `tls` and the certificates ask for; None is in the clear.

    Certificates imply TLS. Raises ValueError if the arguments contradict each
    other, OSError if a file cannot be read.
    """
    if given_whole is not None:
        if any(value is not None for value in (tls, ca, cert, key)):
            raise ValueError("give either credentials or tls, ca, cert and key, not both")
        return given_whole
    given = any(pem is not None for pem in (ca, cert, key))
    if tls is False and given:
        raise ValueError("ca, cert and key are for TLS, which tls=False forbids")
    if (cert is None) != (key is None):
        raise ValueError("cert and key must be given together")
    if not (tls or given):
        return None
    return grpc.ssl_channel_credentials(
        root_certificates=_read(ca), private_key=_read(key), certificate_chain=_read(cert)
    )


def _read(pem: PEM | None) -> bytes | None:
    return pem if pem is None or isinstance(pem, bytes) else Path(pem).read_bytes()
