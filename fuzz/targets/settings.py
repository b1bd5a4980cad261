"""An environment file: settings, or a ConfigError with a message."""

from __future__ import annotations

import tempfile
from pathlib import Path

from autoquality_server.config import ConfigError, load
from fuzz.targets import Target

_FILE = Path(tempfile.mkdtemp(prefix="fuzz-settings-")) / "fuzz.env"


def run(data: bytes) -> None:
    """Load settings only from the file."""
    _FILE.write_bytes(data)
    try:
        found = load({"env_file": str(_FILE)}, {})
    except ConfigError as error:
        assert str(error), "an error has a message"
        return
    assert found.settings.workers >= 1


TARGET = Target(run)
