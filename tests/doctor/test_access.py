"""Certificates, tokens and missing protection."""

from __future__ import annotations

from pathlib import Path

import trustme

from autoquality_server.cli.doctor import access
from autoquality_server.cli.doctor.report import Finding, Verdict
from autoquality_server.config import Settings


def test_on_loopback_nothing_is_missing() -> None:
    assert list(access.check_access(Settings())) == [Finding("access", Verdict.OK, "no TLS")]


def test_missing_protection_of_a_reachable_server_is_a_warning() -> None:
    found = list(access.check_access(Settings(listen="0.0.0.0:50051")))
    assert {one.verdict for one in found} == {Verdict.WARNING}
    text = " ".join(one.text for one in found)
    assert "AUTOQUALITY_TLS_CERT" in text and "AUTOQUALITY_TOKEN_FILE" in text


def test_usable_certificates_and_tokens_are_listed(tmp_path: Path) -> None:
    issued = trustme.CA().issue_cert("localhost")
    chain, key, tokens = (tmp_path / name for name in ("chain.pem", "key.pem", "tokens"))
    issued.cert_chain_pems[0].write_to_path(chain)
    issued.private_key_pem.write_to_path(key)
    tokens.write_text("shop:a-token-that-is-long-enough\n")
    settings = Settings(
        listen="0.0.0.0:50051", tls_cert=str(chain), tls_key=str(key), token_file=str(tokens)
    )
    certificate, found = access.check_access(settings)
    assert certificate.part == "certificate"
    assert certificate.text.startswith("localhost (")
    assert found == Finding("access", Verdict.OK, "TLS, tokens")


def test_unusable_files_are_a_wrong_setting(tmp_path: Path) -> None:
    (tmp_path / "tokens").write_text("")
    (found,) = access.check_access(Settings(token_file=str(tmp_path / "tokens")))
    assert found.verdict is Verdict.WRONG
    assert found.text.startswith("AUTOQUALITY_TOKEN_FILE: must have at least one token")
