"""Who may call, and for how much."""

from __future__ import annotations

from dataclasses import dataclass

from autoquality_server.config import parse
from autoquality_server.config.spec import setting

_ACCESS = "Who may call"


@dataclass(frozen=True)
class AccessSettings:
    """TLS, tokens and limits by caller."""

    # fmt: off
    tls_cert: str = setting(
        "", group=_ACCESS, parse=parse.existing_file,
        meaning="Certificate (PEM, with its chain) to serve with TLS; read again when it changes.")
    tls_key: str = setting(
        "", group=_ACCESS, parse=parse.existing_file, meaning="Its private key (PEM).")
    tls_client_ca: str = setting(
        "", group=_ACCESS, parse=parse.existing_file,
        meaning="Authorities (PEM); each client must have a certificate of one of them.")
    metrics_tls: bool = setting(
        False, group=_ACCESS, parse=parse.boolean,
        meaning="Serve metrics over HTTPS, by the same certificate.")
    metrics_client_ca: str = setting(
        "", group=_ACCESS, parse=parse.existing_file,
        meaning="Authorities (PEM); whoever reads metrics must have a certificate of one of them.")
    token_file: str = setting(
        "", group=_ACCESS, parse=parse.existing_file,
        meaning="Tokens, name:token a line, of which a call needs one; read again when it changes.")
    open_health: bool = setting(
        True, group=_ACCESS, parse=parse.boolean,
        meaning="Answer health checks without a token.")
    client_requests_per_second: float = setting(
        0.0, group=_ACCESS, parse=parse.number(0, 1e6, "requests a second, or 0"),
        meaning="Requests a second for each token, client certificate or address; 0: any number.")
    client_megapixels_per_second: float = setting(
        0.0, group=_ACCESS, parse=parse.number(0, 1e6, "megapixels a second, or 0"),
        meaning="Megapixels of sources a second for each of them; 0: any number.")
    # fmt: on
