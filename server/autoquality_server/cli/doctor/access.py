"""Who could reach the server, and whether its certificates and tokens can be used."""

from __future__ import annotations

from collections.abc import Iterator

from autoquality_server.auth.exposure import missing_defences
from autoquality_server.auth.identity import identifier
from autoquality_server.auth.metrics_tls import metrics_contexts
from autoquality_server.auth.tls import server_credentials
from autoquality_server.cli.doctor.finding import Finding, Verdict
from autoquality_server.config import ConfigError, Settings

_PART = "access"


def look(settings: Settings) -> Iterator[Finding]:
    """Certificates, tokens, and what is missing where others can reach the server."""
    try:
        secure = server_credentials(settings) is not None
        identifier(settings)
        metrics_contexts(settings)
    except ConfigError as error:
        yield Finding(_PART, Verdict.WRONG, str(error))
        return
    missing = missing_defences(settings)
    for sentence in missing:
        yield Finding(_PART, Verdict.WARNING, f"others can reach the server without {sentence}")
    if not missing:
        means = [
            "TLS" if secure else "in the clear",
            *(["client certificates"] if settings.tls_client_ca else []),
            *(["tokens"] if settings.token_file else []),
        ]
        yield Finding(_PART, Verdict.OK, ", ".join(means))
