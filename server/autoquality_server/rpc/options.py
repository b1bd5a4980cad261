"""The options of gRPC for connections and messages."""

from __future__ import annotations

import math

from autoquality_server.config import Settings

HEADROOM = 32
"""Threads beyond those for running and queued requests. They receive requests (a slow upload
holds one) and refuse excess requests."""

_MESSAGE_OVERHEAD = 2**20


def grpc_options(settings: Settings, threads: int, *, shares_port: bool) -> list[tuple[str, int]]:
    """The options of a server with this number of threads."""
    options = {
        # By default a second server would silently share the port.
        "grpc.so_reuseport": int(shares_port),
        "grpc.max_receive_message_length": _largest_message(settings),
        "grpc.max_send_message_length": -1,
        # One connection can use all threads, and send health checks besides.
        "grpc.max_concurrent_streams": threads + HEADROOM,
        # Detects clients that vanished, and lets idle clients detect a dead server.
        "grpc.keepalive_time_ms": 60_000,
        "grpc.keepalive_timeout_ms": 20_000,
        "grpc.keepalive_permit_without_calls": 1,
        "grpc.http2.min_ping_interval_without_data_ms": 10_000,
        # A value that gRPC cannot read, such as a wrong grpc-timeout, would spoil this table: other
        # calls with the header would fail, on a connection that a proxy shares among callers.
        "grpc.http2.hpack_table_size.decoder": 0,
        "grpc.enable_channelz": int(settings.channelz),
    }
    if settings.upload_timeout:
        # Ends connections that send nothing.
        options["grpc.server_handshake_timeout_ms"] = round(settings.upload_timeout * 1000)
    if settings.max_connection_age:
        # gRPC varies the age by 10 %, so clients do not reconnect at once.
        options["grpc.max_connection_age_ms"] = math.ceil(settings.max_connection_age * 1000)
        grace = math.ceil(settings.max_connection_age_grace * 1000)
        options["grpc.max_connection_age_grace_ms"] = grace
    return list(options.items())


def _largest_message(settings: Settings) -> int:
    """Compare has two images; raw pixels are larger than any file of them."""
    largest = max(2 * settings.max_image_bytes, 4 * settings.max_pixels)
    return min(largest + _MESSAGE_OVERHEAD, 2**31 - 1)
