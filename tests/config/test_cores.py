"""How many cores this process may use."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from autoquality_server.config.resources import available_cores, cgroup_quota


def test_never_more_than_the_affinity_mask_and_never_none() -> None:
    assert 1 <= available_cores() <= len(os.sched_getaffinity(0))


@pytest.mark.parametrize(("text", "quota"), [("150000 100000\n", 1.5), ("max 100000\n", None)])
def test_a_quota_of_cgroup_v2(tmp_path: Path, text: str, quota: float | None) -> None:
    v2 = tmp_path / "cpu.max"
    v2.write_text(text)
    assert cgroup_quota(v2, tmp_path) == quota


@pytest.mark.parametrize(("microseconds", "quota"), [("250000", 2.5), ("-1", None)])
def test_a_quota_of_cgroup_v1(tmp_path: Path, microseconds: str, quota: float | None) -> None:
    (tmp_path / "cpu.cfs_quota_us").write_text(microseconds)
    (tmp_path / "cpu.cfs_period_us").write_text("100000")
    assert cgroup_quota(tmp_path / "cpu.max", tmp_path) == quota


def test_without_cgroups_there_is_no_quota(tmp_path: Path) -> None:
    assert cgroup_quota(tmp_path / "cpu.max", tmp_path) is None
