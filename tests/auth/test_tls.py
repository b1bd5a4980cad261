"""TLS and mutual TLS: served, renewed without a restart, refused with one line when wrong."""

from __future__ import annotations

import datetime as dt
import os
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from autoquality import Client, UnavailableError
from autoquality_server.auth import tls as tls_module
from autoquality_server.auth.certificates import PemFile
from autoquality_server.auth.tls import CERT, Certificates, ServerTls
from autoquality_server.config import ConfigError, Settings, load
from tests.authorities import TlsFiles, chain_of, key_of, replace
from tests.rpc.conftest import ROOT, Process, Served
from tests.servers import clean_environment
from tests.waiting import LIMIT, in_background, until


def connect(server: Served, authority: trustme.CA, **options: Any) -> Client:
    return Client(
        f"127.0.0.1:{server.app.port}",
        **{"ca": authority.cert_pem.bytes(), "retries": 0, **options},
    )


def as_client_of(authority: trustme.CA) -> dict[str, bytes]:
    """A client's certificate and key, as `Client` takes them."""
    certificate = authority.issue_cert("caller@example.org")
    return {"cert": chain_of(certificate), "key": key_of(certificate)}


def presented(server: Served) -> bytes:
    """The certificate (DER) that a new connection is shown."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    with (
        socket.create_connection(("127.0.0.1", server.app.port), LIMIT) as plain,
        context.wrap_socket(plain) as secured,
    ):
        shown = secured.getpeercert(binary_form=True)
    assert shown is not None
    return shown


def test_with_a_certificate_only_tls_is_served(
    serve_with: Callable[..., Served], files: TlsFiles, authority: trustme.CA
) -> None:
    server = serve_with(**files.settings)
    with connect(server, authority) as client:
        assert client.info().version == "scripted"
        assert client.health()
    plain = Client(f"127.0.0.1:{server.app.port}", retries=0)
    with plain, pytest.raises(UnavailableError):
        plain.info()


def test_a_renewed_certificate_is_shown_to_new_connections_and_no_call_is_lost(
    serve_with: Callable[..., Served], files: TlsFiles, authority: trustme.CA
) -> None:
    server = serve_with(workers=2, **files.settings)
    over, answered = threading.Event(), 0
    with connect(server, authority) as steady, connect(server, authority) as slow:
        running = in_background(slow.encode, b"x", background="wait")
        until(lambda: server.app.admission.running)

        def go_on_calling() -> None:
            nonlocal answered
            while not over.is_set():
                steady.encode(b"x")
                answered += 1

        calling = in_background(go_on_calling)
        for _ in range(3):
            renewed = files.renew(authority)
            assert presented(server) == renewed
            with connect(server, authority) as newcomer:
                assert newcomer.encode(b"x").quality == 80
            before = answered
            until(lambda: answered > before or calling.done())  # noqa: B023 - called at once
            assert not calling.done()
        over.set()
        calling.result(LIMIT)
        server.servicer.gate.set()
        running.result(LIMIT)
    assert server.servicer.calls == answered + 4


def test_a_replaced_authority_of_clients_lets_new_ones_in_and_old_ones_no_more(
    serve_with: Callable[..., Served],
    files: TlsFiles,
    authority: trustme.CA,
    stranger: trustme.CA,
) -> None:
    server = serve_with(**files.mutual)
    ours, theirs = as_client_of(authority), as_client_of(stranger)

    def is_let_in(options: dict[str, bytes]) -> bool:
        try:
            with connect(server, authority, **options) as client:
                client.info()
        except UnavailableError:
            return False
        return True

    assert (is_let_in(ours), is_let_in(theirs), is_let_in({})) == (True, False, False)
    replace(files.client_ca, stranger.cert_pem.bytes())
    assert (is_let_in(ours), is_let_in(theirs), is_let_in({})) == (False, True, False)
    replace(files.client_ca, authority.cert_pem.bytes() + stranger.cert_pem.bytes())
    assert (is_let_in(ours), is_let_in(theirs), is_let_in({})) == (True, True, False)


@pytest.mark.parametrize("damage", ["half-replaced", "garbage", "gone", "fifo"])
def test_files_that_cannot_be_used_leave_the_certificate_as_it_was(
    serve_with: Callable[..., Served], files: TlsFiles, authority: trustme.CA, damage: str
) -> None:
    server = serve_with(**files.settings)
    before = presented(server)
    certificate = authority.issue_cert("127.0.0.1")
    if damage == "half-replaced":
        replace(files.cert, chain_of(certificate))
    elif damage == "garbage":
        replace(files.cert, b"no certificate")
    else:
        files.cert.unlink()
        if damage == "fifo":
            os.mkfifo(files.cert)
    assert presented(server) == before
    with connect(server, authority) as client:
        assert client.health()
    assert presented(server) == before
    replace(files.key, key_of(certificate))
    replace(files.cert, chain_of(certificate))
    assert presented(server) != before


def test_a_renewal_and_a_failed_one_are_logged_once(
    start_process: Callable[..., Process], files: TlsFiles, authority: trustme.CA
) -> None:
    names = {"TLS_CERT": "tls_cert", "TLS_KEY": "tls_key"}
    server = start_process(**{name: files.settings[field] for name, field in names.items()})
    assert server.lines("ready")[0]["tls"] is True

    def call() -> None:
        with Client(server.address, ca=authority.cert_pem.bytes()) as client:
            client.info()

    replace(files.cert, b"no certificate")
    for _ in range(3):
        call()
    (failed,) = server.lines("the certificates stay as they were")
    assert failed["level"] == "error"
    assert failed["error"] == (
        f"AUTOQUALITY_TLS_CERT: must be certificates in PEM, not '{files.cert}'"
    )
    files.renew(authority)
    for _ in range(3):
        call()
    assert len(server.lines("the certificates were replaced")) == 1


def start_of(**variables: object) -> subprocess.CompletedProcess[str]:
    log = {"LOG_FORMAT": "console", "LOG_LEVEL": "error"}
    local = {"LISTEN": "127.0.0.1:0", "METRICS_LISTEN": "off", "PROCESSES": "1", **log}
    return subprocess.run(
        [sys.executable, "-m", "autoquality_server"],
        env={
            **clean_environment(),
            **{f"AUTOQUALITY_{name}": str(text) for name, text in {**local, **variables}.items()},
        },
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def encrypted(key: bytes) -> bytes:
    return load_pem_private_key(key, None).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"a passphrase")
    )


@pytest.mark.parametrize(
    ("setting", "content", "complaint"),
    [
        ("TLS_CERT", b"garbage", "must be certificates in PEM"),
        ("TLS_CERT", b"", "must be certificates in PEM"),
        (
            "TLS_CERT",
            b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
            "must be certificates in PEM",
        ),
        ("TLS_KEY", b"garbage", "must be a private key in PEM"),
        ("TLS_KEY", "another", "must be the key of the certificate in AUTOQUALITY_TLS_CERT"),
        ("TLS_KEY", "encrypted", "must be a key without a passphrase"),
        ("TLS_CLIENT_CA", b"garbage", "must be certificates in PEM"),
        ("TLS_CLIENT_CA", None, "must be the path of a file that exists"),
        ("TLS_KEY", None, "must be the path of a file that exists"),
    ],
)
def test_the_error_for_a_wrong_file_names_it(
    files: TlsFiles,
    authority: trustme.CA,
    setting: str,
    content: bytes | str | None,
    complaint: str,
) -> None:
    paths = {"TLS_CERT": files.cert, "TLS_KEY": files.key, "TLS_CLIENT_CA": files.client_ca}
    wrong = paths[setting]
    if content is None:
        wrong.unlink()
    else:
        made = {
            "another": key_of(authority.issue_cert("127.0.0.1")),
            "encrypted": encrypted(files.key.read_bytes()),
        }
        wrong.write_bytes(content if isinstance(content, bytes) else made[content])
    environ = {f"AUTOQUALITY_{name}": str(path) for name, path in paths.items()}
    with pytest.raises(ConfigError) as caught:
        ServerTls(load({}, environ).settings).credentials()
    assert str(caught.value) == f"AUTOQUALITY_{setting}: {complaint}, not '{wrong}'"


def test_a_wrong_file_ends_the_start_with_one_line_and_code_2(files: TlsFiles) -> None:
    files.cert.write_bytes(b"garbage")
    done = start_of(TLS_CERT=files.cert, TLS_KEY=files.key)
    why = f"must be certificates in PEM, not '{files.cert}'"
    line = f"autoquality-server: error: AUTOQUALITY_TLS_CERT: {why}\n"
    assert (done.returncode, done.stderr) == (2, line)


@pytest.mark.parametrize(
    ("given", "missing"),
    [("TLS_CERT", "TLS_KEY"), ("TLS_KEY", "TLS_CERT"), ("TLS_CLIENT_CA", "TLS_CERT")],
)
def test_half_of_the_tls_settings_is_an_error(files: TlsFiles, given: str, missing: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load({}, {f"AUTOQUALITY_{given}": str(files.cert)})
    assert str(caught.value) == f"AUTOQUALITY_{missing}: must be set along with AUTOQUALITY_{given}"


def test_a_key_that_is_too_short_is_refused_as_such(files: TlsFiles) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=1024)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "short")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + dt.timedelta(days=1))
        .sign(key, SHA256())
    )
    replace(files.cert, certificate.public_bytes(Encoding.PEM))
    replace(files.key, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    with pytest.raises(ConfigError, match=r"^AUTOQUALITY_TLS_CERT: the key of .* is too short$"):
        ServerTls(Settings(**files.settings))


def test_a_key_that_disappears_during_a_renewal_leaves_the_certificate_as_it_was(
    files: TlsFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next renewal is then noticed, too."""
    tls = ServerTls(Settings(**files.settings))
    before = tls.files()[CERT]
    read = tls_module._context

    def read_and_remove(*paths: Path) -> ssl.SSLContext:
        context = read(*paths)
        files.key.unlink()
        return context

    with monkeypatch.context() as patch:
        patch.setattr(tls_module, "_context", read_and_remove)
        files.renew(trustme.CA())
        assert tls.files()[CERT] == before
    files.renew(trustme.CA())
    assert tls.files()[CERT] != before


def test_the_text_of_certificates_shows_none_of_them() -> None:
    file = PemFile(b"the chain", ())
    text = repr(Certificates(file, b"the key", file, ssl.create_default_context()))
    assert "the chain" not in text
    assert "the key" not in text
