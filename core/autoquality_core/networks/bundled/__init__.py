"""The networks that are installed with the library."""

from __future__ import annotations

from pathlib import Path

from autoquality_core.types import Format

BUNDLED = Path(__file__).parent


def bundled_network(fmt: Format, folder: Path = BUNDLED) -> Path | None:
    """The file of the network that predicts for `fmt`, None if `folder` has none."""
    path = folder / f"autoquality-{fmt.value}.pb"
    return path if path.is_file() else None
