"""The memory of this process, and the limits that follow from it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from autoquality_server.config import ConfigError, Settings, load
from autoquality_server.config.resources import (
    BYTES_A_PIXEL,
    available_memory,
    cgroup_folders,
    cgroup_limit,
)


def test_never_more_than_the_machine_has() -> None:
    machine = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    assert 0 < available_memory() <= machine


@pytest.mark.parametrize(("text", "limit"), [("1073741824\n", 2**30), ("max\n", None)])
def test_a_limit_of_cgroup_v2(tmp_path: Path, text: str, limit: int | None) -> None:
    (tmp_path / "memory.max").write_text(text)
    assert cgroup_limit(tmp_path / "memory.max", tmp_path / "v1") == limit


def test_a_limit_of_cgroup_v1(tmp_path: Path) -> None:
    (tmp_path / "v1").write_text("1073741824\n")
    assert cgroup_limit(tmp_path / "memory.max", tmp_path / "v1") == 2**30


def test_the_cgroup_of_a_unit_and_those_above_it_count(tmp_path: Path) -> None:
    membership = tmp_path / "membership"
    membership.write_text("0::/system.slice/autoquality@a.service\n")
    unit = tmp_path / "system.slice/autoquality@a.service"
    assert cgroup_folders(tmp_path, membership) == [unit, unit.parent, tmp_path]
    membership.write_text("0::/\n")
    assert cgroup_folders(tmp_path, membership) == [tmp_path]
    membership.write_text("4:memory:/docker/1\n")  # cgroup v1
    assert cgroup_folders(tmp_path, membership) == [tmp_path]
    assert cgroup_folders(tmp_path, tmp_path / "gone") == [tmp_path]


def test_without_cgroups_there_is_no_limit(tmp_path: Path) -> None:
    assert cgroup_limit(tmp_path / "memory.max", tmp_path / "v1") is None


def test_by_default_as_many_pixels_are_in_flight_as_half_the_memory_holds() -> None:
    pixels = Settings(processes=1, max_resolution=0.1).max_pixels_in_flight
    assert pixels * BYTES_A_PIXEL == pytest.approx(available_memory() / 2, rel=0.01)


def test_one_image_of_the_largest_size_always_fits() -> None:
    assert Settings(max_resolution=900_000).max_resolution_in_flight == 900_000
    with pytest.raises(ConfigError) as caught:
        load({}, {"AUTOQUALITY_MAX_RESOLUTION_IN_FLIGHT": "20"})
    assert str(caught.value) == (
        "AUTOQUALITY_MAX_RESOLUTION_IN_FLIGHT: must be at least the largest source, "
        "50 (AUTOQUALITY_MAX_RESOLUTION), not 20"
    )
