"""What certificates say about themselves: their names, and when they are valid."""

from __future__ import annotations

import datetime as dt
import warnings
from dataclasses import dataclass, field

from cryptography import x509
from cryptography.utils import CryptographyDeprecationWarning
from cryptography.x509.oid import NameOID

SOON = dt.timedelta(days=14)
"""A certificate that ends within this time needs to be renewed now."""

_LONGEST_LIST = 5


@dataclass(frozen=True, slots=True)
class Certificate:
    """One certificate, valid from `starts` to `ends`.

    `names` are the DNS names and addresses that clients compare with the server's. `subject` is
    the common name, or the whole subject without one.
    """

    subject: str
    names: tuple[str, ...]
    starts: dt.datetime
    ends: dt.datetime

    @property
    def title(self) -> str:
        """Its names, and the subject if it is not one of them."""
        more = len(self.names) - _LONGEST_LIST
        listed = ", ".join(self.names[:_LONGEST_LIST])
        names = f"{listed} and {more} more" if more > 0 else listed
        if not names or self.subject in (*self.names, ""):
            return names or self.subject or "no name"
        return f"{names} ({self.subject})"

    def is_valid(self, now: dt.datetime) -> bool:
        """Whether clients accept it at this time."""
        return self.starts <= now <= self.ends

    def expiry(self, now: dt.datetime) -> str:
        """Describe its time: "expires on 2027-01-31 12:00 UTC, in 63 days"."""
        if now < self.starts:
            return f"is not valid before {_written(self.starts)}"
        if now > self.ends:
            return f"expired on {_written(self.ends)}"
        days = (self.ends - now).days
        return f"expires on {_written(self.ends)}, in {days} {'day' if days == 1 else 'days'}"


@dataclass(frozen=True, slots=True)
class PemFile:
    """The content of a file of certificates, and what it says: at least one certificate."""

    pem: bytes = field(repr=False)
    certificates: tuple[Certificate, ...]

    @classmethod
    def parse(cls, pem: bytes) -> PemFile:
        """Read the certificates. Raises ValueError if one is unreadable or there is none."""
        with warnings.catch_warnings():
            # Old authorities break rules that OpenSSL does not check.
            warnings.simplefilter("ignore", CryptographyDeprecationWarning)
            return cls(pem, tuple(map(_read, x509.load_pem_x509_certificates(pem))))

    @property
    def first_to_end(self) -> Certificate:
        """The certificate that expires first."""
        return min(self.certificates, key=lambda one: one.ends)


def utc_now() -> dt.datetime:
    """Return the current time in UTC."""
    return dt.datetime.now(dt.UTC)


def _written(moment: dt.datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def _read(certificate: x509.Certificate) -> Certificate:
    common = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return Certificate(
        str(common[0].value) if common else certificate.subject.rfc4514_string(),
        _names(certificate),
        certificate.not_valid_before_utc,
        certificate.not_valid_after_utc,
    )


def _names(certificate: x509.Certificate) -> tuple[str, ...]:
    try:
        alternative = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except (x509.ExtensionNotFound, x509.DuplicateExtension, ValueError):
        return ()
    dns = alternative.value.get_values_for_type(x509.DNSName)
    addresses = alternative.value.get_values_for_type(x509.IPAddress)
    return (*dns, *map(str, addresses))
