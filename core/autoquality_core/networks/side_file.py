"""The side file of a network: `x.json` beside `x.pb`, which says what the graph cannot.

Keys that are not named here are allowed and ignored; so what a trainer wants to
keep with its network can stand there too.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from autoquality_core.images.pixels import Pixels
from autoquality_core.networks.errors import NetworkError
from autoquality_core.networks.input import SIDE, network_input
from autoquality_core.networks.mosaic import TILE, mosaic
from autoquality_core.types import Format

Recipe = Callable[[Pixels], npt.NDArray[np.uint8]]

RECIPES: Mapping[str, Recipe] = {"mosaic": mosaic, "squeeze": network_input}
"""How an input of (416, 416, 3) is made of an image, by name."""

_FORMAT_VERSION = 1
_FORMATS = {fmt.value: fmt for fmt in (Format.JPEG, Format.WEBP, Format.AVIF)}
# For people and for other programs: read, but not acted upon.
_NOTES = ("library_versions", "corpus", "training", "accuracy")


@dataclass(frozen=True, slots=True)
class TensorNames:
    """Names of the graph's tensors; target and both of the curve may be missing."""

    image: str
    logits: str
    target: str | None = None
    curve_mean: str | None = None
    curve_factor: str | None = None


@dataclass(frozen=True, slots=True)
class SideFile:
    """What a side file says.

    `residual` is what the curve's factors leave unsaid (a standard deviation),
    `targets` the least and the greatest target that the network was trained for,
    `encoder` the encoder's options that it was trained for, empty if it does not say.
    """

    path: Path
    name: str
    version: str
    format: Format
    recipe: Recipe
    tensors: TensorNames
    residual: float
    targets: tuple[float, float]
    encoder: Mapping[str, Any]

    def refusal(self, field: str, why: str) -> NetworkError:
        """The error that blames `field` of this file."""
        return NetworkError(self.path, f"{field} {why}")


def side_path(path: Path) -> Path:
    """Where the side file of the network at `path` would be."""
    return path.with_suffix(".json")


def read_side_file(path: Path) -> SideFile | None:
    """The side file of the network at `path`, None if it has none. Raises NetworkError."""
    beside = side_path(path)
    try:
        text = beside.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise NetworkError(beside, f"cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise NetworkError(beside, "not a side file: not UTF-8") from error
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise NetworkError(beside, f"not a side file: not JSON ({error})") from error
    return _side_file(_Reader(beside, content))


class _Reader:
    """Takes checked values out of the JSON; every complaint names the file and the field."""

    def __init__(self, path: Path, content: object, prefix: str = "") -> None:
        self.path = path
        self._prefix = prefix
        if not isinstance(content, dict):
            raise self.refusal("", f"must be an object, not {_quote(content)}")
        self._content: dict[str, Any] = content

    def refusal(self, field: str, why: str) -> NetworkError:
        name = f"{self._prefix}{field}".rstrip(".") or "its content"
        return NetworkError(self.path, f"{name} {why}")

    def has(self, field: str) -> bool:
        return field in self._content

    def everything(self) -> Mapping[str, Any]:
        return MappingProxyType(self._content)

    def part(self, field: str) -> _Reader:
        return _Reader(self.path, self._content.get(field, {}), f"{self._prefix}{field}.")

    def text(self, field: str) -> str:
        value = self._content.get(field)
        if not isinstance(value, str) or not value:
            raise self.refusal(field, f"must be a text, not {self._quoted(field)}")
        if not value.isprintable():  # half a surrogate pair is legal JSON, and no text
            raise self.refusal(field, f"must be printable text, not {self._quoted(field)}")
        return value

    def one_of(self, field: str, allowed: Mapping[str, Any]) -> Any:
        value = self._content.get(field)
        if not isinstance(value, str) or value not in allowed:
            raise self.refusal(field, f"must be {' or '.join(allowed)}, not {self._quoted(field)}")
        return allowed[value]

    def exactly(self, field: str, right: int) -> None:
        value = self._content.get(field)
        if isinstance(value, bool) or value != right:
            raise self.refusal(field, f"must be {right}, not {self._quoted(field)}")

    def number(self, field: str, low: float, high: float) -> float:
        value = self._content.get(field)
        if isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high:
            return float(value)
        wanted = f"a number from {low:g} to {high:g}"
        raise self.refusal(field, f"must be {wanted}, not {self._quoted(field)}")

    def _quoted(self, field: str) -> str:
        return _quote(self._content[field]) if field in self._content else "missing"


def _side_file(top: _Reader) -> SideFile:
    top.exactly("format_version", _FORMAT_VERSION)
    made = top.part("input")
    recipe = made.one_of("recipe", RECIPES)
    made.exactly("side", SIDE)
    if recipe is mosaic:
        made.exactly("tile", TILE)
    for field in _NOTES:
        top.part(field)
    tensors = _tensors(top.part("tensors"))
    return SideFile(
        path=top.path,
        name=top.text("name"),
        version=top.text("version"),
        format=top.one_of("format", _FORMATS),
        recipe=recipe,
        tensors=tensors,
        residual=_residual(top) if tensors.curve_mean else 0.0,
        targets=_targets(top),
        encoder=top.part("encoder").everything(),
    )


def _tensors(part: _Reader) -> TensorNames:
    optional = {
        field: part.text(field) if part.has(field) else None
        for field in ("target", "curve_mean", "curve_factor")
    }
    if (optional["curve_mean"] is None) != (optional["curve_factor"] is None):
        missing = "curve_mean" if optional["curve_mean"] is None else "curve_factor"
        raise part.refusal(missing, "is missing: a curve has a mean and a factor")
    return TensorNames(part.text("image"), part.text("logits"), **optional)


def _residual(top: _Reader) -> float:
    return top.part("curve").number("residual", 0, 10)


def _targets(top: _Reader) -> tuple[float, float]:
    if not top.has("targets"):
        return -math.inf, math.inf
    part = top.part("targets")
    low = part.number("min", 0, 1)
    return low, part.number("max", low, 1)


def _quote(value: object) -> str:
    """As JSON, what no log should print as it is (half a surrogate pair, say) by its number."""
    text = json.dumps(value, ensure_ascii=False)
    text = text if len(text) <= 60 else text[:59] + "…"
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)
