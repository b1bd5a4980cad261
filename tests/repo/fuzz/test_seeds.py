"""Every seed is handled correctly, including inputs that once failed."""

from __future__ import annotations

from pathlib import Path

import pytest

from fuzz.targets import NAMES, SEEDS, load


def seeds() -> list[Path]:
    return sorted(path for path in SEEDS.rglob("*") if path.is_file())


@pytest.mark.parametrize("path", seeds(), ids=lambda path: f"{path.parent.name}-{path.name}")
def test_a_seed_has_a_documented_result(path: Path) -> None:
    load(path.parent.name).run(path.read_bytes())


@pytest.mark.parametrize("name", NAMES)
def test_every_target_has_seeds(name: str) -> None:
    own = [path for path in seeds() if path.parent.name == name]
    assert len(own) > 1
    assert all(path.stat().st_size <= load(name).max_bytes for path in own)
