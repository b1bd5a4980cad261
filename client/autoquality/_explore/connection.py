"""How the command line reaches the server, for the snippets of the page."""

from __future__ import annotations

from dataclasses import dataclass

TOKEN_VARIABLE = "AUTOQUALITY_TOKEN"  # noqa: S105 (the name of a variable)
"""Where snippets read the token. The page never has the token itself."""


@dataclass(frozen=True, slots=True)
class Connection:
    """The server, and the security of the calls."""

    server: str
    tls: bool = False
    token: bool = False
    """Whether calls send a token."""
    ca: str | None = None
    cert: str | None = None
    key: str | None = None
    server_name: str | None = None
