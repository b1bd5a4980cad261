"""The side file of a network: `x.json` next to `x.pb` describes the graph's use.

Unknown keys are ignored, so that a trainer can keep its own notes there.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from autoquality_core.formats import WITH_QUALITY
from autoquality_core.metrics import DSSIM, METRICS, Metric
from autoquality_core.networks.errors import NetworkError
from autoquality_core.networks.inputs import SIDE, TILE, mosaic, squeeze
from autoquality_core.networks.network import Recipe
from autoquality_core.runtime.files import read_file
from autoquality_core.types import Format

RECIPES: Mapping[str, Recipe] = {"mosaic": mosaic, "squeeze": squeeze}
"""How to make an input of (416, 416, 3), by name."""

_CURVE = ("curve_mean", "curve_factor")

ANY_TARGET = (-math.inf, math.inf)

_FORMAT_VERSION = 1
_FORMATS = {fmt.value: fmt for fmt in WITH_QUALITY}
_NOTES = ("library_versions", "corpus", "training", "accuracy")
"""Objects for people and other programs. Only their type is checked."""


@dataclass(frozen=True, slots=True)
class Head:
    """The outputs for one metric.

    `field` is the object that describes them, empty or with a dot at the end.
    `tensors` are the names of `logits`, and perhaps of both `curve_mean` and
    `curve_factor`. `residual` is the standard deviation that the curve's factors do
    not explain. `targets` are the least and the greatest score that the network was
    trained for.
    """

    field: str
    tensors: Mapping[str, str]
    residual: float
    targets: tuple[float, float]


@dataclass(frozen=True, slots=True)
class SideFile:
    """The content of a side file.

    `tensors` are the names of `image` and perhaps `target`, `heads` the outputs by
    metric, DSSIM first. `encoder` has the encoder's options that the network was
    trained for, if it names any.
    """

    path: Path
    name: str
    version: str
    format: Format
    recipe: Recipe
    tensors: Mapping[str, str]
    heads: Mapping[str, Head]
    encoder: Mapping[str, Any]

    def refusal(self, field: str, why: str) -> NetworkError:
        return NetworkError(self.path, f"{field} {why}")


def side_path(path: Path) -> Path:
    """Where the network at `path` has its side file, if it has one."""
    return path.with_suffix(".json")


def read_side_file(path: Path) -> SideFile | None:
    """The side file of the network at `path`, None if it has none. Raises NetworkError."""
    file = side_path(path)
    try:
        content = json.loads(read_file(file).decode())
    except FileNotFoundError:
        return None
    except OSError as error:
        raise NetworkError(file, f"cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise NetworkError(file, "not a side file: not UTF-8") from error
    except (ValueError, RecursionError) as error:
        raise NetworkError(file, f"not a side file: not JSON ({error})") from error
    return _parsed(_Object(file, content))


def _parsed(top: _Object) -> SideFile:
    top.exactly("format_version", _FORMAT_VERSION)
    picture = top.part("input")
    recipe = picture.one_of("recipe", RECIPES)
    picture.exactly("side", SIDE)
    if recipe is mosaic:
        picture.exactly("tile", TILE)
    for field in _NOTES:
        top.part(field)
    tensors = _tensors(top.part("tensors"), ("image",), ("target",))
    heads = {DSSIM.name: _head(top, "", DSSIM)}
    others = top.part("metrics")
    for name in others.content:
        if name not in METRICS or name == DSSIM.name:
            known = ", ".join(one for one in METRICS if one != DSSIM.name)
            raise others.refusal(name, f"is unknown, use {known}; the top level describes DSSIM")
        heads[name] = _head(others.part(name), f"metrics.{name}.", METRICS[name])
    return SideFile(
        path=top.path,
        name=top.text("name"),
        version=top.text("version"),
        format=top.one_of("format", _FORMATS),
        recipe=recipe,
        tensors=tensors,
        heads=heads,
        encoder=MappingProxyType(top.part("encoder").content),
    )


def _head(part: _Object, field: str, metric: Metric) -> Head:
    tensors = _tensors(part.part("tensors"), ("logits",), _CURVE)
    for one, other in (_CURVE, _CURVE[::-1]):
        if one in tensors and other not in tensors:
            why = "is missing: a curve has a mean and a factor"
            raise part.part("tensors").refusal(other, why)
    residual = part.part("curve").number("residual", 0, 10) if "curve_mean" in tensors else 0.0
    targets = ANY_TARGET
    if part.has("targets"):
        limits = part.part("targets")
        low = limits.number("min", metric.low, metric.high)
        targets = low, limits.number("max", low, metric.high)
    return Head(field, tensors, residual, targets)


def _tensors(part: _Object, needed: Sequence[str], optional: Sequence[str]) -> dict[str, str]:
    roles = (*needed, *(role for role in optional if part.has(role)))
    return {role: part.text(role) for role in roles}


class _Object:
    """Checked access to the fields of a JSON object. Errors name the file and the field."""

    def __init__(self, path: Path, content: object, prefix: str = "") -> None:
        self.path = path
        self._prefix = prefix
        if not isinstance(content, dict):
            raise self.refusal("", f"must be an object, not {_quoted(content)}")
        self.content: dict[str, Any] = content

    def refusal(self, field: str, why: str) -> NetworkError:
        name = f"{self._prefix}{field}".rstrip(".") or "its content"
        return NetworkError(self.path, f"{name} {why}")

    def has(self, field: str) -> bool:
        return field in self.content

    def part(self, field: str) -> _Object:
        """An object, empty if it is missing."""
        return _Object(self.path, self.content.get(field, {}), f"{self._prefix}{field}.")

    def text(self, field: str) -> str:
        # Half a surrogate pair is legal JSON, but not printable.
        value = self._value(field, "printable text", lambda it: it and it.isprintable(), str)
        return str(value)

    def one_of(self, field: str, allowed: Mapping[str, Any]) -> Any:
        return allowed[self._value(field, " or ".join(allowed), lambda it: it in allowed, str)]

    def exactly(self, field: str, right: int) -> None:
        self._value(field, f"{right}", lambda it: it == right, int, float)

    def number(self, field: str, low: float, high: float) -> float:
        wanted = f"a number from {low:g} to {high:g}"
        return float(self._value(field, wanted, lambda it: low <= it <= high, int, float))

    def _value(self, field: str, wanted: str, fits: Callable[[Any], object], *types: type) -> Any:
        """A value of one of `types` that `fits`; a bool is no number."""
        value = self.content.get(field)
        if type(value) in types and fits(value):
            return value
        found = _quoted(value) if self.has(field) else "missing"
        raise self.refusal(field, f"must be {wanted}, not {found}")


def _quoted(value: object) -> str:
    """As JSON of at most 60 characters, with escapes for characters that no log should print."""
    text = json.dumps(value, ensure_ascii=False)
    text = text if len(text) <= 60 else text[:59] + "…"
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)
