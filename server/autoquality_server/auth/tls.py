"""TLS for gRPC and for the metrics, renewed when the certificates change.

The files are checked before gRPC gets them: gRPC logs an error that does not name the wrong file,
and refuses every new connection if a file becomes wrong later. gRPC does not check whether the
server's own certificate is valid now, so every client would refuse an expired one.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

import grpc

from autoquality_server.auth.certificates import SOON, Certificate, PemFile, utc_now
from autoquality_server.auth.reload import Reloaded, read_small
from autoquality_server.config import ConfigError, Settings
from autoquality_server.telemetry.logs import logger

CERT = "AUTOQUALITY_TLS_CERT"
_KEY = "AUTOQUALITY_TLS_KEY"
CLIENT_CA = "AUTOQUALITY_TLS_CLIENT_CA"
METRICS_CLIENT_CA = "AUTOQUALITY_METRICS_CLIENT_CA"

_log = logger(__name__)


@dataclass(frozen=True, slots=True)
class Certificates:
    """The certificates of a TLS server, in PEM.

    `chain` starts with the server's own certificate. `client_ca` holds the authorities that issue
    client certificates, None if clients need none. `context` is OpenSSL's, for the metrics.
    """

    chain: PemFile
    key: bytes = field(repr=False)
    client_ca: PemFile | None
    context: ssl.SSLContext = field(repr=False, compare=False)


class ServerTls:
    """The certificates of a server's gRPC port and of its metrics, each None without TLS."""

    def __init__(self, settings: Settings) -> None:
        """Raises ConfigError for files that cannot be used."""
        self._of_grpc = self._of_metrics = None
        if settings.tls_cert:
            self._of_grpc = _watch("the certificates", settings, settings.tls_client_ca, CLIENT_CA)
        if settings.metrics_tls:
            what, client_ca = "the certificates of the metrics", settings.metrics_client_ca
            self._of_metrics = _watch(what, settings, client_ca, METRICS_CLIENT_CA)

    def credentials(self) -> grpc.ServerCredentials | None:
        """Return the credentials for gRPC, None to serve without TLS.

        gRPC asks for the certificates at each handshake, so new connections get renewed ones. Open
        connections keep those that they started with.
        """
        if self._of_grpc is None:
            return None
        first = self._of_grpc.current()
        # The stubs do not know that the fetcher may return None.
        fetch: Any = _fetcher(self._of_grpc, first)
        client_needs_one = first.client_ca is not None
        return grpc.dynamic_ssl_server_credentials(_configuration(first), fetch, client_needs_one)

    @property
    def metrics_context(self) -> Callable[[], ssl.SSLContext] | None:
        """A function for the newest usable TLS context of the metrics, None to serve HTTP."""
        newest = self._of_metrics
        return (lambda: newest.current().context) if newest else None

    def files(self) -> dict[str, PemFile]:
        """Return the newest usable files of certificates, by the names of their settings."""
        of_grpc = self._of_grpc and self._of_grpc.current()
        of_metrics = self._of_metrics and self._of_metrics.current()
        files = {
            CERT: of_grpc and of_grpc.chain,
            CLIENT_CA: of_grpc and of_grpc.client_ca,
            METRICS_CLIENT_CA: of_metrics and of_metrics.client_ca,
        }
        return {setting: file for setting, file in files.items() if file}

    def expiries(self) -> dict[str, Callable[[], float]]:
        """Return functions for the Unix time when the first certificate of each file expires."""
        return {setting: partial(self._expiry, setting) for setting in self.files()}

    def log(self) -> None:
        """Log the names and the expiry of the certificate, and warn of files that expire soon."""
        now = utc_now()
        for setting, file in self.files().items():
            first = file.first_to_end
            expires = first.ends.isoformat()
            fields = {"setting": setting, "certificate": first.title, "expires": expires}
            if first.ends < now + SOON:
                _log.warning("a certificate expires soon", **fields)
            elif setting == CERT:
                _log.info("the certificate", **fields)

    def _expiry(self, setting: str) -> float:
        return self.files()[setting].first_to_end.ends.timestamp()


_SETTLING_SECONDS = 0.1
"""gRPC calls the fetcher under a lock, but uses its answer after releasing it. A handshake that got
None may be about to use the configuration that the next call replaces and frees (grpc/grpc#22489,
not wholly fixed by #22647). While this call sleeps, no other begins, and earlier ones finish."""


def _fetcher(
    certificates: Reloaded[Certificates], given: Certificates
) -> Callable[[], grpc.ServerCertificateConfiguration | None]:
    """Return what gRPC calls at each handshake: a new configuration, or None for no change."""

    def fetch() -> grpc.ServerCertificateConfiguration | None:
        nonlocal given
        current = certificates.current()
        if current is given:
            return None
        given = current
        time.sleep(_SETTLING_SECONDS)
        return _configuration(current)

    return fetch


def _configuration(certificates: Certificates) -> grpc.ServerCertificateConfiguration:
    client_ca = certificates.client_ca
    return grpc.ssl_server_certificate_configuration(
        [(certificates.key, certificates.chain.pem)],
        root_certificates=client_ca.pem if client_ca else None,
    )


def _watch(what: str, settings: Settings, client_ca: str, setting: str) -> Reloaded[Certificates]:
    cert, key = Path(settings.tls_cert), Path(settings.tls_key)
    authorities = Path(client_ca) if client_ca else None
    paths = [path for path in (cert, key, authorities) if path]
    return Reloaded(what, paths, partial(_read_certificates, cert, key, authorities, setting))


def _read_certificates(
    cert: Path, key: Path, client_ca: Path | None, client_ca_setting: str
) -> Certificates:
    """Read the files and check that they belong together.

    Raises ConfigError, naming the setting, for a file that is missing or not PEM, for a key that
    has a passphrase or does not match the certificate, and for certificates that are not valid now.
    One valid authority is enough, because a file may hold those of the past and of the future.
    """
    chain, private = _read_pem(CERT, cert), read_small(_KEY, key)
    authorities = _read_pem(client_ca_setting, client_ca) if client_ca else None
    context = _context(cert, key)
    now = utc_now()
    for one in chain.certificates:
        if not one.is_valid(now):
            raise _not_valid_now(CERT, cert, one)
    if authorities:
        if not any(one.is_valid(now) for one in authorities.certificates):
            raise _not_valid_now(client_ca_setting, client_ca, authorities.first_to_end)
        context.load_verify_locations(cadata=authorities.pem.decode("ascii"))
        context.verify_mode = ssl.CERT_REQUIRED
    # OpenSSL reads the files itself: make sure that it has the bytes that we have.
    if (read_small(CERT, cert), read_small(_KEY, key)) != (chain.pem, private):
        raise ConfigError(f"{CERT}: {cert} or its key changed while it was read")
    return Certificates(chain, private, authorities, context)


def _read_pem(setting: str, path: Path) -> PemFile:
    pem = read_small(setting, path)
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_verify_locations(cadata=pem.decode("ascii"))
        return PemFile.parse(pem)
    except (ValueError, ssl.SSLError):  # ValueError: not ASCII, a null byte, or empty
        raise ConfigError(f"{setting}: must be certificates in PEM, not {str(path)!r}") from None


def _not_valid_now(setting: str, path: Path | None, wrong: Certificate) -> ConfigError:
    return ConfigError(
        f"{setting}: must be valid now, not {str(path)!r}: the certificate of {wrong.title} "
        f"{wrong.expiry(utc_now())}"
    )


def _context(cert: Path, key: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(cert, key, password=lambda: _refuse_passphrase(key))
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise ConfigError(
                f"{_KEY}: must be the key of the certificate in {CERT}, not {str(key)!r}"
            ) from None
        if error.reason and error.reason.endswith("_TOO_SMALL"):
            raise ConfigError(f"{CERT}: the key of {str(cert)!r} is too short") from None
        raise ConfigError(f"{_KEY}: must be a private key in PEM, not {str(key)!r}") from None
    except OSError:
        raise ConfigError(f"{_KEY}: must be a file that can be read, not {str(key)!r}") from None
    return context


def _refuse_passphrase(key: Path) -> NoReturn:
    raise ConfigError(f"{_KEY}: must be a key without a passphrase, not {str(key)!r}")
