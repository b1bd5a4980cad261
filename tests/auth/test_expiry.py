"""Certificates that have expired, are not valid yet, or expire soon."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import replace as changed

import pytest
import trustme
from structlog.testing import capture_logs

from autoquality import Client
from autoquality_server.auth import reload
from autoquality_server.auth.certificates import PemFile, utc_now
from autoquality_server.auth.tls import ServerTls
from autoquality_server.cli.doctor import access
from autoquality_server.cli.doctor.report import Verdict
from autoquality_server.config import ConfigError, Settings
from tests.authorities import TlsFiles, chain_of, key_of, replace
from tests.rpc.conftest import Served

DAY = dt.timedelta(days=1)
GAUGE = "autoquality_tls_certificate_expiry_seconds"


def install(files: TlsFiles, authority: trustme.CA, *names: str, **times: dt.datetime) -> PemFile:
    """Replace the server's certificate; returns what it says."""
    certificate = authority.issue_cert(*names or ("127.0.0.1",), **times)
    replace(files.key, key_of(certificate))
    replace(files.cert, chain_of(certificate))
    return PemFile.parse(chain_of(certificate))


def error_of(files: TlsFiles) -> str:
    with pytest.raises(ConfigError) as caught:
        ServerTls(Settings(**files.mutual))
    return str(caught.value)


def expired_authority() -> bytes:
    """An expired certificate: OpenSSL takes every certificate of a file as an authority."""
    now = utc_now()
    issued = trustme.CA().issue_cert("old", not_before=now - 2 * DAY, not_after=now - DAY)
    return issued.cert_chain_pems[0].bytes()


def test_the_start_is_refused_with_an_expired_certificate_or_one_of_the_future(
    files: TlsFiles, authority: trustme.CA
) -> None:
    now = utc_now()
    old = install(files, authority, not_before=now - 2 * DAY, not_after=now - DAY)
    ends = old.first_to_end.ends
    assert error_of(files) == (
        f"AUTOQUALITY_TLS_CERT: must be valid now, not '{files.cert}': the certificate of "
        f"{old.first_to_end.title} expired on {ends:%Y-%m-%d %H:%M} UTC"
    )
    install(files, authority, not_before=now + DAY, not_after=now + 2 * DAY)
    assert "is not valid before" in error_of(files)


def test_authorities_of_clients_are_refused_if_all_have_expired(
    files: TlsFiles, authority: trustme.CA
) -> None:
    replace(files.client_ca, expired_authority())
    message = error_of(files)
    assert message.startswith("AUTOQUALITY_TLS_CLIENT_CA: must be valid now")
    assert "the certificate of old" in message
    replace(files.client_ca, expired_authority() + authority.cert_pem.bytes())
    ServerTls(Settings(**files.mutual))


@pytest.mark.parametrize("days", [-2, 2], ids=["expired", "not valid yet"])
def test_a_renewal_that_is_not_valid_now_leaves_the_certificate_as_it_was(
    serve_with: Callable[..., Served],
    files: TlsFiles,
    authority: trustme.CA,
    monkeypatch: pytest.MonkeyPatch,
    days: int,
) -> None:
    good = install(files, authority)
    server = serve_with(**files.settings)
    start = utc_now() + days * DAY
    wrong = install(files, authority, not_before=start, not_after=start + DAY)

    def call() -> None:
        with Client(f"127.0.0.1:{server.app.port}", ca=authority.cert_pem.bytes()) as client:
            client.info()

    series = f'{GAUGE}{{setting="AUTOQUALITY_TLS_CERT"}}'
    call()
    assert server.metrics[series] == good.first_to_end.ends.timestamp()
    # The files stay as they are, and their certificate becomes valid.
    monkeypatch.setattr(reload, "_RETRY_SECONDS", 0.0)
    monkeypatch.setattr("autoquality_server.auth.tls.utc_now", lambda: start + DAY / 2)
    server.app._tls.files()
    server.app._tls.files()
    assert server.metrics[series] == wrong.first_to_end.ends.timestamp()


def test_the_gauge_has_the_first_expiry_of_each_file(
    serve_with: Callable[..., Served], files: TlsFiles, authority: trustme.CA
) -> None:
    install(files, authority, not_after=utc_now() + 30 * DAY)
    first = PemFile.parse(expired_authority())
    replace(files.client_ca, authority.cert_pem.bytes() + first.pem)
    shown = serve_with(**files.mutual, metrics_tls=False).metrics
    found = {name: value for name, value in shown.items() if name.startswith(GAUGE)}
    assert found == {
        f'{GAUGE}{{setting="AUTOQUALITY_TLS_CERT"}}': pytest.approx(
            (utc_now() + 30 * DAY).timestamp(), abs=100
        ),
        f'{GAUGE}{{setting="AUTOQUALITY_TLS_CLIENT_CA"}}': first.first_to_end.ends.timestamp(),
    }


def test_the_doctor_shows_names_and_expiry_and_warns_in_time(
    files: TlsFiles, authority: trustme.CA
) -> None:
    def findings() -> dict[str, tuple[Verdict, str]]:
        settings = Settings(**files.mutual)
        return {one.part: (one.verdict, one.text) for one in access.check_access(settings)}

    now = utc_now()
    install(files, authority, "shop.example", "10.0.0.7", not_after=now + 20.5 * DAY)
    verdict, text = findings()["certificate"]
    assert verdict is Verdict.OK
    assert "shop.example, 10.0.0.7 (" in text
    assert text.endswith("UTC, in 20 days")
    assert findings()["client CA"][0] is Verdict.OK
    install(files, authority, not_after=now + 13 * DAY)
    assert findings()["certificate"][0] is Verdict.WARNING
    replace(files.client_ca, expired_authority() + authority.cert_pem.bytes())
    verdict, text = findings()["client CA"]
    assert verdict is Verdict.WARNING
    assert text.startswith("2 authorities; the first to expire is old (")
    assert "expired on" in text
    install(files, authority, not_before=now - 2 * DAY, not_after=now - DAY)
    assert findings()["access"][0] is Verdict.WRONG


def test_a_certificate_without_names_is_a_warning_of_the_doctor(
    files: TlsFiles,
) -> None:
    tls = ServerTls(Settings(**files.settings))
    ((setting, file),) = tls.files().items()
    nameless = changed(file.certificates[0], names=())
    found = access._check_expiry(setting, changed(file, certificates=(nameless,)))
    assert found.verdict is Verdict.WARNING
    assert "no subject alternative names" in found.text


def test_the_log_has_the_certificate_at_the_start_and_a_warning_before_it_expires(
    files: TlsFiles, authority: trustme.CA
) -> None:
    def logged() -> tuple[str, str]:
        with capture_logs() as lines:
            ServerTls(Settings(**files.settings)).log()
        (line,) = lines
        return line["log_level"], line["event"]

    assert logged() == ("info", "the certificate")
    install(files, authority, not_after=utc_now() + 13 * DAY)
    assert logged() == ("warning", "a certificate expires soon")
