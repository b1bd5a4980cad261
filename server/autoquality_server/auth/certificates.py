"""What certificates say about themselves: their names, and when they are valid.

Python's ssl reads only the certificates of authorities and of connections. Whether a certificate is
right is OpenSSL's to judge.
"""

from __future__ import annotations

import datetime as dt
import re
from base64 import b64decode
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any, Final

from pyasn1.codec.der.decoder import decode
from pyasn1.error import PyAsn1Error
from pyasn1_modules import rfc5280

SOON = dt.timedelta(days=14)
"""A certificate that ends within this time needs to be renewed now."""

_LONGEST_LIST = 5

_PEM = re.compile(
    rb"-----BEGIN (?:X509 )?CERTIFICATE-----(.*?)-----END (?:X509 )?CERTIFICATE-----", re.DOTALL
)

_ATTRIBUTES: Final = {
    rfc5280.id_at_countryName: "C",
    rfc5280.id_at_localityName: "L",
    rfc5280.id_at_stateOrProvinceName: "ST",
    rfc5280.id_at_organizationName: "O",
    rfc5280.id_at_organizationalUnitName: "OU",
}
"""Parts of a subject."""


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
        certificates = tuple(_read(b64decode(body)) for body in _PEM.findall(pem))
        if not certificates:
            raise ValueError("there is no certificate")
        return cls(pem, certificates)

    @property
    def first_to_end(self) -> Certificate:
        return min(self.certificates, key=lambda one: one.ends)


def utc_now() -> dt.datetime:
    """Return the current time in UTC."""
    return dt.datetime.now(dt.UTC)


def _written(moment: dt.datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def _read(encoded: bytes) -> Certificate:
    try:
        signed = decode(encoded, asn1Spec=rfc5280.Certificate())[0]["tbsCertificate"]
        starts, ends = (time.getComponent().asDateTime for time in signed["validity"].values())
        subject = _subject(signed["subject"].getComponent())
        return Certificate(subject, _names(signed["extensions"]), starts, ends)
    except PyAsn1Error as error:
        raise ValueError("a certificate cannot be decoded") from error


def _subject(sequence: Any) -> str:
    """The first common name; without one, what else is known, the most specific part first."""
    parts = []
    for attribute in (one for together in sequence for one in together):
        kind, text = attribute["type"], str(decode(attribute["value"])[0])
        if kind == rfc5280.id_at_commonName:
            return text
        if kind in _ATTRIBUTES:
            parts.append(f"{_ATTRIBUTES[kind]}={text}")
    return ",".join(reversed(parts))


def _names(extensions: Any) -> tuple[str, ...]:
    """The alternative names among the extensions: DNS names, then addresses.

    Empty if one is damaged: OpenSSL accepts such a certificate, but matches no name with it.
    """
    dns, addresses = [], []
    try:
        for extension in extensions if extensions.isValue else ():
            if extension["extnID"] == rfc5280.id_ce_subjectAltName:
                for name in decode(extension["extnValue"], asn1Spec=rfc5280.SubjectAltName())[0]:
                    kind, value = name.getName(), name.getComponent()
                    if kind == "dNSName":
                        dns.append(str(value))
                    elif kind == "iPAddress":
                        addresses.append(str(ip_address(bytes(value))))
    except (PyAsn1Error, ValueError):
        return ()
    return (*dns, *addresses)
