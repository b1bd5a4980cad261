"""The configuration: typed settings, and where their values come from."""

from __future__ import annotations

from autoquality_server.config.load import Configuration, load
from autoquality_server.config.settings import Settings
from autoquality_server.config.spec import ConfigError

__all__ = ["ConfigError", "Configuration", "Settings", "load"]
