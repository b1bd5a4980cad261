"""Certificates to gRPC's credentials, renewed when their files change."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from typing import Any

import grpc

from autoquality_server.auth.certificates import Certificates, read_certificates
from autoquality_server.auth.reload import Changing
from autoquality_server.config import Settings


def server_credentials(settings: Settings) -> grpc.ServerCredentials | None:
    """The credentials that `settings` describe, None to serve in the clear.

    gRPC asks for the certificates at every handshake, so that new connections
    see new ones; those that are open go on as they began. Raises ConfigError.
    """
    if not settings.tls_cert:
        return None
    cert, key = Path(settings.tls_cert), Path(settings.tls_key)
    client_ca = Path(settings.tls_client_ca) if settings.tls_client_ca else None
    certificates = Changing(
        "the certificates",
        [path for path in (cert, key, client_ca) if path],
        partial(read_certificates, cert, key, client_ca),
    )
    first = certificates.current()
    # The stubs do not know that the fetcher may return None.
    fetch: Any = _Fetcher(certificates, first)
    return grpc.dynamic_ssl_server_credentials(_configuration(first), fetch, bool(client_ca))


_SETTLING_SECONDS = 0.1
"""gRPC asks under a lock, but makes the handshaker after it: a handshake that was told "no change"
may still be about to use what the next one replaces and frees (grpc/grpc#22489, and what #22647
left of it). While this one waits no other can begin, and those that had begun get past that."""


class _Fetcher:
    """What gRPC calls at each handshake: a new configuration, or None for no change."""

    def __init__(self, certificates: Changing[Certificates], given: Certificates) -> None:
        self._certificates = certificates
        self._given = given

    def __call__(self) -> grpc.ServerCertificateConfiguration | None:
        current = self._certificates.current()
        if current is self._given:
            return None
        self._given = current
        time.sleep(_SETTLING_SECONDS)
        return _configuration(current)


def _configuration(certificates: Certificates) -> grpc.ServerCertificateConfiguration:
    return grpc.ssl_server_certificate_configuration(
        [(certificates.key, certificates.chain)], root_certificates=certificates.client_ca
    )
