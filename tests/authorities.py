"""Real certificates in files, as an administrator has them."""

from __future__ import annotations

import os
import ssl
from dataclasses import dataclass
from pathlib import Path

import trustme


def chain_of(certificate: trustme.LeafCert) -> bytes:
    """The PEM of a certificate and what leads to its authority."""
    return b"".join(blob.bytes() for blob in certificate.cert_chain_pems)


def key_of(certificate: trustme.LeafCert) -> bytes:
    """The PEM of its private key."""
    return certificate.private_key_pem.bytes()


def replace(path: Path, content: bytes) -> None:
    """Replace a file atomically, as tools that renew certificates do."""
    fresh = path.with_suffix(".new")
    fresh.write_bytes(content)
    fresh.replace(path)


@dataclass(frozen=True)
class TlsFiles:
    """Where a server's certificate, its key and its clients' authorities are."""

    cert: Path
    key: Path
    client_ca: Path

    @classmethod
    def of(cls, folder: Path, authority: trustme.CA) -> TlsFiles:
        """Fresh files: a certificate for 127.0.0.1, clients of the same authority."""
        files = cls(folder / "cert.pem", folder / "key.pem", folder / "client-ca.pem")
        files.renew(authority)
        replace(files.client_ca, authority.cert_pem.bytes())
        return files

    def renew(self, authority: trustme.CA) -> bytes:
        """Replace the certificate and its key; returns the new one (DER)."""
        certificate = authority.issue_cert("127.0.0.1")
        replace(self.key, key_of(certificate))
        replace(self.cert, chain_of(certificate))
        return ssl.PEM_cert_to_DER_cert(certificate.cert_chain_pems[0].bytes().decode())

    @property
    def settings(self) -> dict[str, str]:
        """Fields of the server's settings, for TLS without client certificates."""
        return {"tls_cert": os.fspath(self.cert), "tls_key": os.fspath(self.key)}

    @property
    def mutual(self) -> dict[str, str]:
        """Fields of the server's settings, for mutual TLS."""
        return {**self.settings, "tls_client_ca": os.fspath(self.client_ca)}
