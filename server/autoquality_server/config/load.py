"""Loads the settings from flags, environment and files.

A flag wins over its AUTOQUALITY_* variable, which wins over its IMGPROXY_* alias, which wins over
the default. A variable in the environment wins over the same variable in the environment file. An
empty variable counts as not set.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dotenv.parser import parse_stream

from autoquality_server.config.checks import contradictions
from autoquality_server.config.groups.serving import LogFormat
from autoquality_server.config.parse import is_file
from autoquality_server.config.settings import SPECS, Settings
from autoquality_server.config.spec import IMGPROXY, PREFIX, ConfigError, Spec

# Variables that Kubernetes sets in every pod for a Service named autoquality or autoquality-*.
_KUBERNETES = re.compile(
    PREFIX + r"(\w+_)?(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT(_\d+_(TCP|UDP|SCTP)(_\w+)?)?)"
)
_LONGEST_QUOTE = 100

_COUNTERPARTS = {
    "IMGPROXY_BIND": "AUTOQUALITY_LISTEN",
    "IMGPROXY_LOG_FORMAT": "AUTOQUALITY_LOG_FORMAT",
    "IMGPROXY_LOG_LEVEL": "AUTOQUALITY_LOG_LEVEL",
    "IMGPROXY_MAX_SRC_FILE_SIZE": "AUTOQUALITY_MAX_IMAGE_BYTES",
    "IMGPROXY_OPEN_TELEMETRY_ENABLE": "AUTOQUALITY_TRACING",
    "IMGPROXY_PROMETHEUS_BIND": "AUTOQUALITY_METRICS_LISTEN",
    "IMGPROXY_REQUESTS_QUEUE_SIZE": "AUTOQUALITY_QUEUE_SIZE",
    "IMGPROXY_SECRET": "AUTOQUALITY_TOKEN_FILE",  # pragma: allowlist secret
    "IMGPROXY_WORKERS": "AUTOQUALITY_WORKERS",
}
"""imgproxy's variables that have no effect, because they mean other things there, and what is
similar here."""


@dataclass(frozen=True, slots=True)
class Configuration:
    """The settings, the origin of each field that was set, and what deserves attention.

    `unused` describes the variables without effect: those of imgproxy's other features, those that
    another one overrides, and unknown ones in the file.
    """

    settings: Settings
    origins: Mapping[str, str]
    warnings: tuple[str, ...]
    unused: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Found:
    """A setting's text, the name that set it, and a label for messages: the name with its file."""

    text: str
    name: str
    label: str


class _Sources:
    """The flags, the environment and the environment file."""

    def __init__(self, flags: Mapping[str, str], environ: Mapping[str, str]) -> None:
        """Read the file. Raises ConfigError if that fails; `errors` has its wrong lines."""
        self._flags = flags
        self._path = ""
        self.environ = {name: text for name, text in environ.items() if _is_set(name, text)}
        self.file: dict[str, str] = {}
        self.errors: list[str] = []
        found = self.find(_SPEC["env_file"])
        if found and found.text:
            self._path = found.text
            self._read_file(found)

    def find(self, spec: Spec) -> _Found | None:
        """Return the text of a setting, None if it is not set."""
        if spec.field in self._flags:
            return _Found(self._flags[spec.field], spec.flag, spec.flag)
        for name in (spec.variable, *spec.aliases):
            if name in self.environ:
                return _Found(self.environ[name], name, name)
            if name in self.file:
                return _Found(self.file[name], name, f"{name} (in {self._path})")
        return None

    def _read_file(self, found: _Found) -> None:
        try:
            if not is_file(found.text):
                raise _wrong(found, "must be a file that exists")
            with Path(found.text).open(encoding="utf-8") as lines:
                entries = tuple(parse_stream(lines))
        except (OSError, UnicodeDecodeError):
            right = "must be a readable file of VARIABLE=value lines in UTF-8"
            raise _wrong(found, right) from None
        for one in entries:
            if one.error:
                self.errors.append(
                    f"{found.label}: line {one.original.line} of {found.text} must be "
                    "VARIABLE=value, with every quote closed"
                )
            elif one.key is not None and one.value is not None and _is_set(one.key, one.value):
                self.file[one.key] = one.value


def load(flags: Mapping[str, str], environ: Mapping[str, str]) -> Configuration:
    """Find the value of each setting; `flags` maps field names to texts.

    Raises ConfigError with all errors.
    """
    sources = _Sources(flags, environ)
    errors = sources.errors
    warnings: list[str] = []
    wrong: set[str] = set()
    values: dict[str, Any] = {}
    used: dict[str, _Found] = {}
    for spec in SPECS:
        found = sources.find(spec)
        if found is None:
            continue
        used[spec.field] = found
        try:
            values[spec.field] = _read(spec, found, warnings)
        except ConfigError as error:
            errors.append(str(error))
            wrong.add(spec.field)
    settings = Settings(**values)
    origins = {name: found.label for name, found in used.items()}
    names = {spec.field: origins.get(spec.field, spec.variable) for spec in SPECS}
    errors += [
        one.message
        for one in contradictions(settings, names, frozenset(origins))
        if wrong.isdisjoint(one.fields)
    ]
    if errors:
        raise ConfigError(*errors)
    warnings += _suspicious_names({*environ, *sources.file})
    return Configuration(settings, origins, tuple(warnings), tuple(_unused(used, sources)))


def log_format(flags: Mapping[str, str], environ: Mapping[str, str]) -> LogFormat:
    """Return the format of the log although other settings may be wrong; JSON if it is wrong."""
    spec = _SPEC["log_format"]
    try:
        found = _Sources(flags, environ).find(spec)
        return spec.parse(found.text) if found else LogFormat.JSON
    except (ConfigError, ValueError):
        return LogFormat.JSON


def _is_set(name: str, text: str) -> bool:
    return text != "" or name in _EMPTY_IS_VALUE


def _read(spec: Spec, found: _Found, warnings: list[str]) -> Any:
    text = found.text
    if spec.clean_alias is not None and found.name in spec.aliases:
        text, dropped = spec.clean_alias(text)
        if dropped:
            warnings.append(
                f"{found.label}: ignored {', '.join(dropped)}: not a format that this server "
                "writes with a quality"
            )
    try:
        return spec.parse(text)
    except ValueError as error:
        raise _wrong(found, str(error)) from None


def _wrong(found: _Found, right: str) -> ConfigError:
    quoted = found.text
    if len(quoted) > _LONGEST_QUOTE:  # the end of a path says more than its middle
        quoted = f"{quoted[: _LONGEST_QUOTE // 4]}...{quoted[-_LONGEST_QUOTE * 3 // 4 :]}"
    return ConfigError(f"{found.label}: {right}, not {quoted!r}")


def _unused(used: Mapping[str, _Found], sources: _Sources) -> Iterator[str]:
    """Describe each variable that nothing reads, or that another name for its setting overrides."""
    known = {name: spec for spec in SPECS for name in (spec.variable, *spec.aliases)}
    for name in sorted({*sources.environ, *sources.file}):
        spec = known.get(name)
        if spec is not None and used[spec.field].name != name:
            yield f"{name} ({used[spec.field].label} wins)"
        elif spec is None and (name.startswith(IMGPROXY) or name not in sources.environ):
            see = _COUNTERPARTS.get(name)
            yield f"{name} (see {see})" if see else name


def _suspicious_names(names: set[str]) -> Iterator[str]:
    known = [spec.variable for spec in SPECS]
    for name in sorted(names):
        if name.startswith(PREFIX) and name not in known and not _KUBERNETES.fullmatch(name):
            for close in difflib.get_close_matches(name, known, n=1, cutoff=0.8):
                yield f"{name} is not a setting: did you mean {close}?"


_SPEC: dict[str, Spec] = {spec.field: spec for spec in SPECS}
_EMPTY_IS_VALUE = frozenset(spec.variable for spec in SPECS if spec.empty_is_value)
