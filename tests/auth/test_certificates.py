"""What is read from certificates."""

from __future__ import annotations

import datetime as dt
import ssl
from ipaddress import ip_address

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.name import _ASN1Type as Encodings
from cryptography.x509.oid import NameOID

from autoquality_server.auth.certificates import Certificate, PemFile

LAST_SHORT_YEAR = dt.datetime(2049, 12, 31, 23, 59, 59, tzinfo=dt.UTC)
FIRST_LONG_YEAR = LAST_SHORT_YEAR + dt.timedelta(seconds=1)


def pem_of(
    *subject: x509.NameAttribute,
    names: tuple[x509.GeneralName, ...] = (),
    extension: x509.ExtensionType | None = None,
    starts: dt.datetime = dt.datetime(1999, 2, 3, 4, 5, 6, tzinfo=dt.UTC),
    ends: dt.datetime = LAST_SHORT_YEAR,
) -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "the issuer")])
    serial = x509.random_serial_number()
    builder = x509.CertificateBuilder(issuer, x509.Name(subject), key.public_key(), serial)
    builder = builder.not_valid_before(starts).not_valid_after(ends)
    if names:
        builder = builder.add_extension(x509.BasicConstraints(False, None), critical=True)
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    if extension is not None:
        builder = builder.add_extension(extension, critical=False)
    return builder.sign(key, SHA256()).public_bytes(Encoding.PEM)


def read(pem: bytes) -> Certificate:
    (certificate,) = PemFile.parse(pem).certificates
    return certificate


COMMON = x509.NameAttribute(NameOID.COMMON_NAME, "Bücher")
COUNTRY = x509.NameAttribute(NameOID.COUNTRY_NAME, "CH")
UNIT = x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, "Images")
MAIL = x509.NameAttribute(NameOID.EMAIL_ADDRESS, "images@example.org")
WIDE = x509.NameAttribute(NameOID.COMMON_NAME, "Bücher", _type=Encodings.BMPString)


@pytest.mark.parametrize(
    ("subject", "text"),
    [
        ((COUNTRY, UNIT, COMMON), "Bücher"),
        ((COUNTRY, WIDE), "Bücher"),
        ((COUNTRY, UNIT, MAIL), "OU=Images,C=CH"),
        ((), ""),
    ],
)
def test_the_subject_is_the_common_name_or_what_else_there_is(
    subject: tuple[x509.NameAttribute, ...], text: str
) -> None:
    assert read(pem_of(*subject)).subject == text


@pytest.mark.parametrize("ends", [LAST_SHORT_YEAR, FIRST_LONG_YEAR])
def test_the_times_are_read_with_two_and_with_four_digits_of_the_year(ends: dt.datetime) -> None:
    certificate = read(pem_of(COMMON, ends=ends))
    assert certificate.starts == dt.datetime(1999, 2, 3, 4, 5, 6, tzinfo=dt.UTC)
    assert certificate.ends == ends


def test_the_names_are_those_that_clients_compare() -> None:
    addresses = [ip_address(text) for text in ("192.0.2.1", "2001:db8::1")]
    names = (
        *map(x509.IPAddress, addresses),
        x509.RFC822Name("images@example.org"),
        *map(x509.DNSName, [f"{number}.example.org" for number in range(20)]),
    )
    found = read(pem_of(COMMON, names=names)).names
    assert found == (*(f"{n}.example.org" for n in range(20)), "192.0.2.1", "2001:db8::1")
    assert read(pem_of(COMMON)).names == ()


@pytest.mark.parametrize(
    "damaged",
    [
        pytest.param(b"\x30\x07\x87\x05\x01\x02\x03\x04\x05", id="an address of 5 bytes"),
        pytest.param(b"\x30\x03\x82\x01\xff", id="a name that is not ASCII"),
        pytest.param(b"\x30\x09\x82", id="cut off"),
    ],
)
def test_a_certificate_with_damaged_alternative_names_has_none(damaged: bytes) -> None:
    """OpenSSL accepts it."""
    names = x509.UnrecognizedExtension(x509.SubjectAlternativeName.oid, damaged)
    pem = pem_of(COMMON, extension=names)
    ssl.create_default_context(cadata=pem.decode())
    found = read(pem)
    assert (found.subject, found.names) == ("Bücher", ())


def test_all_certificates_of_a_file_are_read_whatever_is_between_them() -> None:
    old_label = pem_of(UNIT).replace(b" CERTIFICATE", b" X509 CERTIFICATE")
    file = PemFile.parse(b"first:\n" + pem_of(COMMON) + "zweite für später:\n".encode() + old_label)
    assert [one.subject for one in file.certificates] == ["Bücher", "OU=Images"]


def test_a_certificate_that_is_cut_off_is_a_value_error() -> None:
    whole = ssl.PEM_cert_to_DER_cert(pem_of(COMMON).decode())
    for size in range(len(whole)):
        with pytest.raises(ValueError):  # noqa: PT011  # one of many messages
            PemFile.parse(ssl.DER_cert_to_PEM_cert(whole[:size]).encode())
