"""Checks the addresses to listen on, who could reach the server there, and its cache."""

from __future__ import annotations

import time
from collections.abc import Iterator

from autoquality_server.auth.certificates import SOON, PemFile, utc_now
from autoquality_server.auth.exposure import missing_protection
from autoquality_server.auth.identity import identifier
from autoquality_server.auth.tls import CERT, CLIENT_CA, METRICS_CLIENT_CA, ServerTls
from autoquality_server.cli.doctor.report import Finding, Verdict
from autoquality_server.config import ConfigError, Settings
from autoquality_server.config.address import StartError, check_free
from autoquality_server.rpc.cache import connect, describe, place

_PARTS = {CERT: "certificate", CLIENT_CA: "client CA", METRICS_CLIENT_CA: "metrics CA"}


def check_addresses(settings: Settings) -> Iterator[Finding]:
    """Check whether the addresses of gRPC, health checks and metrics are free."""
    yield _check_address("gRPC", "AUTOQUALITY_LISTEN", settings.listen)
    if settings.health_listen:
        yield _check_address("health", "AUTOQUALITY_HEALTH_LISTEN", settings.health_listen)
    if settings.metrics_listen:
        yield _check_address("metrics", "AUTOQUALITY_METRICS_LISTEN", settings.metrics_listen)
    else:
        yield Finding("metrics", Verdict.OK, "not served")


def check_access(settings: Settings) -> Iterator[Finding]:
    """Check certificates and tokens, and whether protection is missing."""
    try:
        files = ServerTls(settings).files()
        identifier(settings)
    except ConfigError as error:
        yield Finding("access", Verdict.WRONG, str(error))
        return
    for setting, file in files.items():
        yield _check_expiry(setting, file)
    missing = missing_protection(settings)
    for text in missing:
        yield Finding("access", Verdict.WARNING, f"reachable from other machines without {text}")
    if not missing:
        protection = [
            "TLS" if settings.tls_cert else "no TLS",
            *(["client certificates"] if settings.tls_client_ca else []),
            *(["tokens"] if settings.token_file else []),
        ]
        yield Finding("access", Verdict.OK, ", ".join(protection))


def check_cache(settings: Settings) -> Iterator[Finding]:
    """Ask the cache for an answer, if there is one."""
    if not settings.cache_url:
        return
    where = place(settings.cache_url)
    try:
        client = connect(settings)
    except ConfigError as error:
        yield Finding("cache", Verdict.FAILED, str(error))
        return
    try:
        client.ping()  # connects
        start = time.perf_counter()
        client.ping()
        seconds = time.perf_counter() - start
    except Exception as error:  # noqa: BLE001 - as in the cache
        text = f"{where} is not usable ({describe(error)}): requests are served without it"
        yield Finding("cache", Verdict.WARNING, text)
    else:
        yield Finding("cache", Verdict.OK, f"{where} answers in {seconds * 1e3:.2g} ms")
    finally:
        client.close()


def _check_expiry(setting: str, file: PemFile) -> Finding:
    now = utc_now()
    own, first, count = file.certificates[0], file.first_to_end, len(file.certificates)
    verdict = Verdict.WARNING if first.ends < now + SOON else Verdict.OK
    text = f"{first.title}: {first.expiry(now)}"
    if setting != CERT:
        text = f"{count} authorities; the first to expire is {text}" if count > 1 else text
    elif not own.names:
        verdict = Verdict.WARNING
        text += "; clients refuse it, because it has no subject alternative names"
    elif first is not own:
        text = f"{own.title}: {own.expiry(now)}; the intermediate {text}"
    return Finding(_PARTS[setting], verdict, text)


def _check_address(part: str, setting: str, address: str) -> Finding:
    try:
        check_free(setting, address)
    except StartError as error:
        return Finding(part, Verdict.FAILED, str(error))
    return Finding(part, Verdict.OK, f"{address} is free")
