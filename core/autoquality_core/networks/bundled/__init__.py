"""The networks in the box: those that are installed with the server."""

from __future__ import annotations

from pathlib import Path

from autoquality_core.types import Format

BUNDLED = Path(__file__).parent


def bundled_network(fmt: Format, box: Path = BUNDLED) -> Path | None:
    """The file of the network that predicts for `fmt`, None if the box has none."""
    path = box / f"autoquality-{fmt.value}.pb"
    return path if path.is_file() else None
