"""Warns if the server can be reached from other machines without protection."""

from __future__ import annotations

from autoquality._address import is_local
from autoquality_server.config import Settings
from autoquality_server.telemetry.logs import logger

_log = logger(__name__)


def warn_if_exposed(settings: Settings) -> None:
    """Log a warning if protection is missing."""
    missing = missing_protection(settings)
    if missing:
        _log.warning("the server can be reached from other machines", missing=missing)


def missing_protection(settings: Settings) -> list[str]:
    """Describe each missing protection; empty if only this machine can reach the server."""
    if is_local(settings.listen):
        return []
    missing = []
    if not settings.tls_cert:
        missing.append("TLS (AUTOQUALITY_TLS_CERT): the traffic can be read and changed")
    if not (settings.token_file or settings.tls_client_ca):
        missing.append(
            "tokens or client certificates (AUTOQUALITY_TOKEN_FILE, AUTOQUALITY_TLS_CLIENT_CA): "
            "anyone may call"
        )
    return missing
