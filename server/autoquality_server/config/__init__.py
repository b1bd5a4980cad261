"""The configuration: typed settings, and where their values come from.

settings       all settings in one dataclass
groups         the settings by subject
spec           the description of one setting: names, meaning, parser
parse          text -> value, one function per type
address        addresses to listen on, whether they are free, and their reservation
resources      the cores and the memory of this process
load           flags, environment and files -> the settings
checks         checks between settings
command_line   the flags and commands
watched_files  files that may change while the server runs
"""

from __future__ import annotations

from autoquality_server.config.load import Configuration, load
from autoquality_server.config.settings import Settings
from autoquality_server.config.spec import ConfigError

__all__ = ["ConfigError", "Configuration", "Settings", "load"]
