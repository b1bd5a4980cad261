"""The formats of an Accept header (RFC 9110, section 12.5.1)."""

from __future__ import annotations

from autoquality._enums import Format

_TYPES = {f"image/{one.value}": one for one in Format if one is not Format.UNKNOWN}
_ANY = frozenset({"image/*", "*/*"})
_EVERYWHERE = (Format.JPEG, Format.PNG)
"""What every browser shows, without and with transparency: the meaning of a wildcard."""


def formats_accepted(header: str) -> tuple[Format, ...]:
    """Return the formats that an Accept header allows, in the order of their weights.

    A wildcard stands for JPEG and PNG. Types that are no output format, and entries with a weight
    of 0, are left out. Raises ValueError if nothing is left.
    """
    weights: dict[Format, float] = {}
    wildcard = 0.0
    for entry in header.split(","):
        name, *parameters = (part.strip().lower() for part in entry.split(";"))
        weight = _weight(parameters)
        if name in _ANY:
            wildcard = max(wildcard, weight)
        elif name in _TYPES:
            weights[_TYPES[name]] = weight
    for one in _EVERYWHERE:
        weights.setdefault(one, wildcard)
    found = sorted((one for one in weights if weights[one] > 0), key=lambda one: -weights[one])
    if not found:
        known = ", ".join(_TYPES)
        raise ValueError(f"accept must allow one of {known}, image/* or */*, not {header!r}")
    return tuple(found)


def _weight(parameters: list[str]) -> float:
    """Return the weight among the parameters of an entry: 1 without one, 0 for a malformed one."""
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                weight = float(value)
            except ValueError:
                return 0.0
            return weight if 0 <= weight <= 1 else 0.0
    return 1.0
