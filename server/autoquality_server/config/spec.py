"""The description of one setting, and how a field of the settings carries it."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from autoquality_server.config import parse as parsers

PREFIX = "AUTOQUALITY_"
IMGPROXY = "IMGPROXY_"
IMGPROXY_AUTOQUALITY = IMGPROXY + PREFIX
_KEY = "setting"


class ConfigError(Exception):
    """Settings are wrong; each has a line with its name, the rule and the wrong value."""

    def __init__(self, *lines: str) -> None:
        super().__init__(*lines)
        self.lines = lines

    def __str__(self) -> str:
        return "\n".join(self.lines)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """One setting: its names, its meaning and its parser.

    `parse` raises ValueError with the rule that a text breaks. Help and tables show `default_text`
    as the default. `aliases` are imgproxy's names for the setting; `clean_alias` splits their text
    into the part that this server understands and a list of ignored entries. With
    `empty_is_value`, an empty variable is a value; otherwise it counts as not set.
    """

    field: str = ""
    variable: str = ""
    group: str = ""
    meaning: str
    parse: Callable[[str], Any]
    default_text: str
    aliases: tuple[str, ...] = ()
    clean_alias: Callable[[str], tuple[str, list[str]]] | None = None
    empty_is_value: bool = False
    is_switch: bool

    @property
    def flag(self) -> str:
        return "--" + self.variable.removeprefix(PREFIX).lower().replace("_", "-")


def setting(
    default: Any,
    meaning: str,
    *,
    parse: Callable[[str], Any] | None = None,
    name: str = "",
    default_text: str | None = None,
    **more: Any,
) -> Any:
    """Declare a field of the settings; `more` are further fields of its `Spec`.

    The defaults: the name of the field, the GROUP of its class, the parser for the type of
    `default`.
    """
    spec = Spec(
        variable=name,  # `specs_of` fills in what is empty
        meaning=meaning,
        parse=parse or _parser(default),
        default_text=render(default) if default_text is None else default_text,
        is_switch=isinstance(default, bool),
        **more,
    )
    if isinstance(default, Mapping):
        return dataclasses.field(default_factory=lambda: default, metadata={_KEY: spec})
    return dataclasses.field(default=default, metadata={_KEY: spec})


def specs_of(struct: type[Any]) -> tuple[Spec, ...]:
    """Return the specs of the fields of a dataclass, in order."""
    found = []
    for field in dataclasses.fields(struct):
        spec: Spec = field.metadata[_KEY]
        variable = PREFIX + (spec.variable or field.name).upper()
        group = spec.group or struct.GROUP
        found.append(dataclasses.replace(spec, field=field.name, variable=variable, group=group))
    return tuple(found)


def _parser(default: Any) -> Callable[[str], Any]:
    if isinstance(default, bool):
        return parsers.boolean
    if isinstance(default, enum.Enum):
        return parsers.choice(type(default))
    return str


def render(value: Any) -> str:
    """Write a value as its parser reads it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, enum.Enum):
        return str(value.value)
    if isinstance(value, Mapping):
        value = tuple(f"{key.value}={entry}" for key, entry in value.items())
    if isinstance(value, tuple):
        return ",".join(map(render, value))
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    return str(value)
