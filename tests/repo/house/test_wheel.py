"""The contents of the wheel."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from tests.commands import ROOT


@pytest.fixture(scope="module")
def names(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def test_only_our_packages_are_at_the_top_level(names: set[str]) -> None:
    tops = {name.partition("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {
        "autoquality",
        "autoquality_core",
        "autoquality_server",
        "autoquality_train",
    }


def test_all_packages_say_that_they_are_typed(names: set[str]) -> None:
    assert {
        f"{name}/py.typed"
        for name in ("autoquality", "autoquality_core", "autoquality_server", "autoquality_train")
    } <= names


def test_the_stubs_come_with_their_types(names: set[str]) -> None:
    stubs = {"encoding_pb2.py", "encoding_pb2.pyi", "encoding_pb2_grpc.py", "encoding_pb2_grpc.pyi"}
    assert {f"autoquality/v1/{stub}" for stub in stubs} <= names


def test_the_networks_come_with_their_side_files(names: set[str]) -> None:
    for fmt in ("jpeg", "webp", "avif"):
        assert {
            f"autoquality_core/networks/bundled/autoquality-{fmt}.{kind}" for kind in ("pb", "json")
        } <= names


def test_the_trainers_page_comes_with_it(names: set[str]) -> None:
    assert "autoquality_train/report/page.html.j2" in names


def test_the_page_comes_with_its_files(names: set[str]) -> None:
    static = ROOT / "client/autoquality/_explore/static"
    assert {f"autoquality/_explore/static/{path.name}" for path in static.iterdir()} <= names


def test_the_licence_is_in_the_metadata(names: set[str]) -> None:
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)
