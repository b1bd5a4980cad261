"""Bearer tokens, read from a file.

Each line is `name:token` or only a token; lines that start with # are comments. Several tokens may
have the same name, so that a client can switch from one to the next. Only hashes are kept, and no
message quotes a token.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass, field
from pathlib import Path

from autoquality_server.auth.reload import read_small
from autoquality_server.config.spec import ConfigError

SETTING = "AUTOQUALITY_TOKEN_FILE"
SHORTEST = 16
"""Characters: 16 random characters of base64 have 96 bits, too many to guess."""

_NAME = re.compile(r"[\w.@-]{1,64}", re.ASCII)
_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")  # RFC 6750's b64token


@dataclass(frozen=True, slots=True)
class Tokens:
    """Names and the SHA-256 of their tokens."""

    _known: tuple[tuple[str, bytes], ...] = field(repr=False)

    def name_of(self, token: str) -> str | None:
        """Return the name for this token, None for an unknown one.

        It compares with every known token, each in constant time, so that the time does not show
        how close a guess was.
        """
        given = _hash(token)
        found = None
        for name, known in self._known:
            if hmac.compare_digest(known, given):
                found = name
        return found


def read_tokens(path: Path) -> Tokens:
    """Read the file. Raises ConfigError, with the number of the wrong line."""
    try:
        lines = read_small(SETTING, path).decode("utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise ConfigError(f"{SETTING}: must be a file in UTF-8, not {str(path)!r}") from None
    known: dict[bytes, str] = {}
    for number, line in enumerate(lines, 1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        try:
            name, token = _split(text, default=f"token-{number}")
        except ValueError as error:
            raise ConfigError(f"{SETTING}: line {number} of {path}: {error}") from None
        if known.setdefault(_hash(token), name) != name:
            raise ConfigError(f"{SETTING}: line {number} of {path}: the token already has a name")
    if not known:
        raise ConfigError(f"{SETTING}: must have at least one token, not {str(path)!r}")
    return Tokens(tuple((name, digest) for digest, name in known.items()))


def _split(text: str, default: str) -> tuple[str, str]:
    name, colon, token = text.rpartition(":")
    name, token = name.strip(), token.strip()
    if colon and not _NAME.fullmatch(name):
        raise ValueError("a name must be letters, digits and . _ @ -, at most 64")
    if not _TOKEN.fullmatch(token):
        raise ValueError("a token must be letters, digits and - . _ ~ + /, with = only at its end")
    if len(token) < SHORTEST:
        raise ValueError(f"a token must have {SHORTEST} characters or more")
    return name or default, token


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
