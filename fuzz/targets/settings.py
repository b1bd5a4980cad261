"""An environment file: it yields settings, or a ConfigError with a reason."""

from __future__ import annotations

import tempfile
from pathlib import Path

from autoquality_server.config import ConfigError, load
from fuzz.targets import Target

_FILE = Path(tempfile.mkdtemp(prefix="fuzz-settings-")) / "fuzz.env"


def run(data: bytes) -> None:
    """Load the configuration from this file alone."""
    _FILE.write_bytes(data)
    try:
        found = load({"env_file": str(_FILE)}, {})
    except ConfigError as error:
        assert str(error), "a refusal says why"
        return
    assert found.settings.workers >= 1


TARGET = Target(run)
