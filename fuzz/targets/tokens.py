"""A file of tokens: it is read, or refused by a ConfigError without a token in it."""

from __future__ import annotations

import tempfile
from pathlib import Path

from autoquality_server.auth.tokens import read_tokens
from autoquality_server.config import ConfigError
from fuzz.targets import Target

_FILE = Path(tempfile.mkdtemp(prefix="fuzz-tokens-")) / "tokens"


def run(data: bytes) -> None:
    """Read the file, then look up its last token."""
    _FILE.write_bytes(data)
    try:
        tokens = read_tokens(_FILE)
    except ConfigError as error:
        assert str(error), "a refusal says why"
        return
    last = data.decode().splitlines()[-1].strip()
    tokens.name_of(last.rpartition(":")[2].strip())


TARGET = Target(run)
