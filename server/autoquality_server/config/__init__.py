"""The configuration: one typed struct, and where its values come from.

spec      what is known about one setting: names, help, parser
parse     text -> value, one function a type
address   text -> a place to listen
choices   what settings of logs can be set to
cores     how many cores this process may use
memory    how much memory it may use, and how much an image needs
groups    the settings, a module for each group
settings  the struct: all groups in one
checks    what must hold between settings
load      flags, environment and files -> the struct
flags     the command line
docs      the struct -> Markdown
"""

from __future__ import annotations

from autoquality_server.config.load import Configuration, load
from autoquality_server.config.settings import Settings
from autoquality_server.config.spec import ConfigError

__all__ = ["ConfigError", "Configuration", "Settings", "load"]
