"""How much memory this process may use."""

from __future__ import annotations

from pathlib import Path

import pytest

from autoquality_server.config.memory import available_memory, cgroup_limit


def test_never_more_than_the_machine_has_and_never_none() -> None:
    machine = Path("/proc/meminfo").read_text().split()[1]
    assert 0 < available_memory() <= int(machine) * 1024


@pytest.mark.parametrize(("text", "limit"), [("2147483648\n", 2**31), ("max\n", None)])
def test_a_limit_of_cgroup_v2(tmp_path: Path, text: str, limit: int | None) -> None:
    v2 = tmp_path / "memory.max"
    v2.write_text(text)
    assert cgroup_limit(v2, tmp_path / "none") == limit


def test_a_limit_of_cgroup_v1(tmp_path: Path) -> None:
    v1 = tmp_path / "memory.limit_in_bytes"
    v1.write_text("1073741824\n")
    assert cgroup_limit(tmp_path / "none", v1) == 2**30


def test_without_cgroups_there_is_no_limit(tmp_path: Path) -> None:
    assert cgroup_limit(tmp_path / "none", tmp_path / "neither") is None
