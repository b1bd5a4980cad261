"""Every seed, the inputs that once failed among them, is handled as it should be."""

from __future__ import annotations

from pathlib import Path

import pytest

from fuzz.targets import NAMES, SEEDS, load


def seeds() -> list[Path]:
    return sorted(path for path in SEEDS.rglob("*") if path.is_file())


@pytest.mark.parametrize("path", seeds(), ids=lambda path: f"{path.parent.name}-{path.name}")
def test_a_seed_ends_in_a_documented_way(path: Path) -> None:
    load(path.parent.name).run(path.read_bytes())


@pytest.mark.parametrize("name", NAMES)
def test_every_target_has_seeds_that_it_takes_to_begin_with(name: str) -> None:
    mine = [path for path in seeds() if path.parent.name == name]
    assert len(mine) > 1
    assert all(path.stat().st_size <= load(name).max_bytes for path in mine)
