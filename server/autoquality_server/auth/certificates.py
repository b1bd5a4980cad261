"""The PEM files of TLS, checked before gRPC gets them.

gRPC's own complaint about a wrong file is a line of its core that names
nothing, and for files that change later the end of all new connections.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

from autoquality_server.config.spec import ConfigError

CERT = "AUTOQUALITY_TLS_CERT"
KEY = "AUTOQUALITY_TLS_KEY"
CLIENT_CA = "AUTOQUALITY_TLS_CLIENT_CA"


@dataclass(frozen=True, slots=True)
class Certificates:
    """What a TLS server needs, as PEM: its chain, leaf first, its key, and whom it trusts.

    `client_ca` holds the authorities of client certificates; None where no
    client needs one.
    """

    chain: bytes = field(repr=False)
    key: bytes = field(repr=False)
    client_ca: bytes | None = field(repr=False)


def read_certificates(
    cert: Path, key: Path, client_ca: Path | None, client_ca_setting: str = CLIENT_CA
) -> Certificates:
    """Read the files and check that they belong together.

    Raises ConfigError, naming the setting whose file is missing, is no PEM, or
    is a key that needs a passphrase or is not the certificate's.
    """
    found = Certificates(
        _read(CERT, cert),
        _read(KEY, key),
        _read(client_ca_setting, client_ca) if client_ca else None,
    )
    _check_certificates(CERT, cert, found.chain)
    if client_ca and found.client_ca is not None:
        _check_certificates(client_ca_setting, client_ca, found.client_ca)
    _check_key(cert, key)
    # OpenSSL read the files itself: what it found right is to be what we hold.
    if (cert.read_bytes(), key.read_bytes()) != (found.chain, found.key):
        raise ConfigError(f"{CERT}: {cert} or its key was written to while it was read")
    return found


def _read(setting: str, path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        raise ConfigError(
            f"{setting}: must be a file that can be read, not {str(path)!r}"
        ) from None


def _check_certificates(setting: str, path: Path, pem: bytes) -> None:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_verify_locations(cadata=pem.decode("ascii"))
    except (ValueError, ssl.SSLError):  # ValueError: not ASCII, a null byte, nothing at all
        raise ConfigError(f"{setting}: must be certificates in PEM, not {str(path)!r}") from None


def _check_key(cert: Path, key: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(cert, key, password=lambda: _refuse_passphrase(key))
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise ConfigError(
                f"{KEY}: must be the key of the certificate in {CERT}, not {str(key)!r}"
            ) from None
        if error.reason and error.reason.endswith("_TOO_SMALL"):
            raise ConfigError(f"{CERT}: the key of {str(cert)!r} is too short") from None
        raise ConfigError(f"{KEY}: must be a private key in PEM, not {str(key)!r}") from None
    except OSError:
        raise ConfigError(f"{KEY}: must be a file that can be read, not {str(key)!r}") from None


def _refuse_passphrase(key: Path) -> NoReturn:
    raise ConfigError(f"{KEY}: must be a key without a passphrase, not {str(key)!r}")
