"""Bytes for people."""

from __future__ import annotations


def in_units(size: int) -> str:
    """Bytes for people: "1.5 GiB"."""
    value, unit = float(size), "B"
    for larger in ("KiB", "MiB", "GiB", "TiB"):
        if value < 1024:
            break
        value, unit = value / 1024, larger
    return f"{value:.4g} {unit}"
