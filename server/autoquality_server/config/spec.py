"""What is known about one setting, and how a field of the struct carries it."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

PREFIX = "AUTOQUALITY_"
IMGPROXY_AUTOQUALITY = "IMGPROXY_AUTOQUALITY_"
_KEY = "setting"


class ConfigError(Exception):
    """A setting is wrong: one line that names where it was set and what would be right."""


@dataclass(frozen=True, slots=True)
class Spec:
    """One setting: its names, its meaning, how its text is read.

    `parse` raises ValueError with a sentence saying what would be right.
    `default_text` stands for the default in help and tables. `aliases` are
    imgproxy's names for it; `clean_alias`, where there is one, takes away what
    only imgproxy understands, and returns the rest and what was taken.
    `empty_is_value` tells an empty variable from one that is not set.
    """

    field: str
    variable: str
    group: str
    meaning: str
    parse: Callable[[str], Any]
    default_text: str
    aliases: tuple[str, ...]
    clean_alias: Callable[[str], tuple[str, list[str]]] | None
    empty_is_value: bool
    is_switch: bool

    @property
    def flag(self) -> str:
        return "--" + self.variable.removeprefix(PREFIX).lower().replace("_", "-")


def setting(
    default: Any,
    *,
    group: str,
    meaning: str,
    parse: Callable[[str], Any],
    name: str | None = None,
    default_text: str | None = None,
    aliases: tuple[str, ...] = (),
    clean_alias: Callable[[str], tuple[str, list[str]]] | None = None,
    empty_is_value: bool = False,
) -> Any:
    """Declare a field of the struct; `name` replaces the field's in the variable and the flag."""
    metadata = {
        "name": name,
        "group": group,
        "meaning": meaning,
        "parse": parse,
        "default_text": render(default) if default_text is None else default_text,
        "aliases": aliases,
        "clean_alias": clean_alias,
        "empty_is_value": empty_is_value,
        "is_switch": isinstance(default, bool),
    }
    if isinstance(default, Mapping):
        return dataclasses.field(default_factory=lambda: default, metadata={_KEY: metadata})
    return dataclasses.field(default=default, metadata={_KEY: metadata})


def specs_of(struct: type[Any]) -> tuple[Spec, ...]:
    """The specs of a struct's fields, in order."""
    found = []
    for field in dataclasses.fields(struct):
        known = dict(field.metadata[_KEY])
        name = known.pop("name") or field.name
        found.append(Spec(field=field.name, variable=PREFIX + name.upper(), **known))
    return tuple(found)


def render(value: Any) -> str:
    """Write a value as its parser reads it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, enum.Enum):
        return str(value.value)
    if isinstance(value, Mapping | tuple):
        return ",".join(_entries(value))
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    return str(value)


def _entries(value: Mapping[enum.Enum, object] | tuple[object, ...]) -> list[str]:
    if isinstance(value, tuple):
        return [render(entry) for entry in value]
    return [f"{key.value}={entry}" for key, entry in value.items()]
