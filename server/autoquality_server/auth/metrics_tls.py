"""Certificates to the TLS of the metrics, renewed when their files change."""

from __future__ import annotations

import ssl
import threading
from functools import partial
from pathlib import Path

from autoquality_server.auth.certificates import Certificates, read_certificates
from autoquality_server.auth.reload import Changing
from autoquality_server.config import Settings

_CLIENT_CA = "AUTOQUALITY_METRICS_CLIENT_CA"


def metrics_contexts(settings: Settings) -> Contexts | None:
    """What the metrics are served with, None for the clear. Raises ConfigError."""
    if not settings.metrics_tls:
        return None
    client_ca = Path(settings.metrics_client_ca) if settings.metrics_client_ca else None
    return Contexts(Path(settings.tls_cert), Path(settings.tls_key), client_ca)


class Contexts:
    """Called for every connection: the newest context that can be made. Thread-safe."""

    def __init__(self, cert: Path, key: Path, client_ca: Path | None) -> None:
        """Raises ConfigError."""
        self._cert, self._key = cert, key
        self._certificates = Changing(
            "the certificates of the metrics",
            [path for path in (cert, key, client_ca) if path],
            partial(read_certificates, cert, key, client_ca, _CLIENT_CA),
        )
        self._lock = threading.Lock()
        self._given = self._certificates.current()
        self._context = self._made_of(self._given)

    def __call__(self) -> ssl.SSLContext:
        current = self._certificates.current()
        with self._lock:
            if current is not self._given:
                try:
                    self._context, self._given = self._made_of(current), current
                except (OSError, ssl.SSLError):
                    pass  # written to since it was read: the next connection gets it
            return self._context

    def _made_of(self, certificates: Certificates) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(self._cert, self._key)
        if certificates.client_ca is not None:
            context.load_verify_locations(cadata=certificates.client_ca.decode("ascii"))
            context.verify_mode = ssl.CERT_REQUIRED
        return context
