"""What the clients for threads and for asyncio share: their options and those of a call."""

from __future__ import annotations

import os
import uuid
from abc import ABC, abstractmethod
from collections.abc import Sequence
from types import EllipsisType
from typing import Any, NoReturn

import grpc

from autoquality._address import check_token, grpc_name
from autoquality._call import CallOptions
from autoquality._channel import PEM, Endpoint, channel_arguments, read_pem, tls_credentials
from autoquality._connection import Peer
from autoquality._results import Limits
from autoquality._retry import MAX_RETRIES, RETRIES

SERVER_VARIABLE = "AUTOQUALITY_SERVER"
"""The environment variable with the default of the target."""

DEFAULT_TARGET = "localhost:50051"

STREAM_ABOVE = 32 * 2**20
"""Bytes above which a source is streamed: half of a server's default limit for one message."""

HEALTH_POLL_SECONDS = 0.1
"""How often `wait_ready` asks a server that does not serve yet."""


def stream_above(limits: Limits) -> int | None:
    """Return the size above which to stream: at most the server's limit for one message."""
    return min(STREAM_ABOVE, limits.max_image_bytes) if limits.max_stream_bytes else None


def checked(timeout: float | None) -> float | None:
    """Return a timeout. Raises ValueError for a negative one and NaN, TypeError for no number."""
    try:
        right = timeout is None or timeout >= 0
    except TypeError:
        raise TypeError(f"timeout must be a number of seconds or None, not {timeout!r}") from None
    if not right:
        raise ValueError(f"timeout must be 0 seconds or more, or None for no limit, not {timeout}")
    return timeout


class BaseClient(ABC):
    """Checks the options of a client and of its calls."""

    def __init__(
        self,
        target: str | None = None,
        *,
        timeout: float | None = 60.0,
        retries: int = RETRIES,
        tls: bool | None = None,
        ca: PEM | None = None,
        cert: PEM | None = None,
        key: PEM | None = None,
        server_name: str | None = None,
        credentials: grpc.ChannelCredentials | None = None,
        token: str | None = None,
        metadata: Sequence[tuple[str, str | bytes]] = (),
        max_message_bytes: int = 256 * 1024 * 1024,
        compression: grpc.Compression | None = None,
        channel_options: Sequence[tuple[str, Any]] = (),
    ) -> None:
        """Prepare the connection, and send nothing yet.

        - `target`: host:port, a host (port 50051), or any gRPC name (`dns:///host:port`,
          `unix:/path`). The client uses the addresses of a name in turn. Default: the environment
          variable AUTOQUALITY_SERVER, or localhost:50051.
        - `timeout`: the default of every call, in seconds, 0 or more. None has no limit.
        - `retries`: 0 to 8. A call is retried if the server is full and says when to retry. It
          is retried up to 3 times if the server became unavailable. The delays grow to 4
          seconds, or to the server's retry hint. With the default they last until a server
          that died is replaced. A call whose upload or download was too slow is not retried,
          nor one that fails because of TLS or a certificate.
        - `tls`: use TLS with gRPC's list of public authorities. The variable
          GRPC_DEFAULT_SSL_ROOTS_FILE_PATH replaces the list.
        - `ca`, `cert`, `key`: other authorities and a client certificate, as PEM bytes or
          paths. They imply TLS.
        - `server_name`: the name in the server's certificate, if it is not the target's.
        - `credentials`: replaces all of these.
        - `token`: sent as `authorization: Bearer ...`. Without TLS, a token may go only to this
          machine, unless `tls` is False.
        - `metadata`: gRPC metadata for every call.
        - `max_message_bytes`: the limit of a request and of an answer.
        - `compression`: helps raw pixels, but not image files.
        - `channel_options`: gRPC options. They replace the client's own.

        Raises ValueError for arguments that contradict each other, are out of range or expose the
        token and for a `target` that is a URL, OSError for a certificate that cannot be read.
        """
        if target is None:
            target = os.environ.get(SERVER_VARIABLE) or DEFAULT_TARGET
        verifiable = credentials is None
        credentials = tls_credentials(credentials, tls, ca=ca, cert=cert, key=key)
        if token is not None:
            check_token(token, target, secured=credentials is not None or tls is False)
            metadata = (*metadata, ("authorization", f"Bearer {token}"))
        peer = Peer(
            target,
            secured=credentials is not None,
            ca=read_pem(ca),
            verifiable=verifiable,
            has_certificate=cert is not None,
            server_name=server_name,
        )
        options = channel_arguments(target, server_name, max_message_bytes, channel_options)
        server = Endpoint(peer, grpc_name(target), credentials, options, compression)
        if not 0 <= retries <= MAX_RETRIES:
            raise ValueError(f"retries must be from 0 to {MAX_RETRIES}, not {retries}")
        self._retries = retries
        self._timeout = checked(timeout)
        self._metadata = tuple(metadata)
        self._set_up(server)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a client has a connection and cannot be pickled: make one in each process")

    @abstractmethod
    def _set_up(self, server: Endpoint) -> None:
        """Prepare the calls to `server`."""

    def _options(
        self,
        timeout: float | EllipsisType | None,
        request_id: str | None = None,
        metadata: Sequence[tuple[str, str | bytes]] = (),
    ) -> CallOptions:
        """Combine a call's options with the client's. Raises ValueError and TypeError."""
        if request_id and not (request_id.isascii() and request_id.isprintable()):
            raise ValueError(f"request_id must be printable ASCII, not {request_id!r}")
        return CallOptions(
            timeout=self._timeout if isinstance(timeout, EllipsisType) else checked(timeout),
            metadata=(*self._metadata, *metadata),
            request_id=request_id or uuid.uuid4().hex,
            retries=self._retries,
        )
