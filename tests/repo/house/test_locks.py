"""The lock files are in step with pyproject.toml and with one another."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.commands import ROOT

PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
LOCKS = sorted((ROOT / "requirements").glob("*.lock"))
# The CPU image's TensorFlow goes by another name.
SUBSTITUTES = {"tensorflow": "tensorflow-cpu"}


def pins(lock: Path) -> dict[str, set[str]]:
    """The versions of each package that a lock pins: several where Pythons differ."""
    found: dict[str, set[str]] = {}
    for line in lock.read_text().splitlines():
        if match := re.match(r"([\w.-]+)==([\w.!+-]+)", line):
            found.setdefault(canonicalize_name(match[1]), set()).add(match[2])
    return found


def wanted(extras: tuple[str, ...], groups: tuple[str, ...]) -> list[Requirement]:
    """What the base install, `extras` and `groups` ask for, references followed."""
    project = PROJECT["project"]
    texts: list[Any] = list(project["dependencies"]) if extras else []
    for extra in extras:
        texts += project["optional-dependencies"][extra]
    for group in groups:
        texts += PROJECT["dependency-groups"][group]
    requirements = []
    for text in texts:
        if isinstance(text, dict):
            requirements += wanted((), (text["include-group"],))
        elif (requirement := Requirement(text)).name == project["name"]:
            requirements += wanted(tuple(requirement.extras), ())
        else:
            requirements.append(requirement)
    return requirements


@pytest.mark.parametrize(
    ("name", "extras", "groups"),
    [
        ("dev", ("batch", "cache", "demo", "explore", "onnx", "train"), ("dev",)),
        ("server", ("cache", "server", "onnx"), ("image",)),
        ("slim", ("cache", "slim", "otel"), ()),
        ("demo", ("demo",), ("build", "demo")),
        ("gpu", ("cache", "gpu", "onnx"), ()),
        ("build", (), ("build",)),
        ("engines", ("core",), ("engines",)),
        ("protos", (), ("protos",)),
        ("audit", (), ("audit",)),
        ("mutants", (), ("mutants",)),
    ],
)
def test_a_lock_pins_what_pyproject_asks_for(
    name: str, extras: tuple[str, ...], groups: tuple[str, ...]
) -> None:
    pinned = pins(ROOT / "requirements" / f"{name}.lock")
    for requirement in wanted(extras, groups):
        key = canonicalize_name(requirement.name)
        versions = pinned.get(key) or pinned.get(SUBSTITUTES.get(key, key))
        assert versions, f"{requirement} is not in {name}.lock: run `make lock`"
        for version in versions:
            assert requirement.specifier.contains(version), f"{requirement} against {version}"


@pytest.mark.parametrize("name", ["server", "slim", "demo", "gpu", "build"])
def test_what_is_shipped_has_the_versions_that_are_tested(name: str) -> None:
    tested = pins(ROOT / "requirements" / "dev.lock")
    names = {substitute: original for original, substitute in SUBSTITUTES.items()}
    for package, versions in pins(ROOT / "requirements" / f"{name}.lock").items():
        original = names.get(package, package)
        if name == "gpu" and original not in tested:
            assert original.startswith("nvidia-")
            continue
        assert versions == tested[original], package


def test_the_slim_image_and_the_demonstration_are_without_tensorflow() -> None:
    for name in ("slim", "demo"):
        assert not {"keras", "tensorflow", "tensorflow-cpu"} & set(
            pins(ROOT / "requirements" / f"{name}.lock")
        )


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.stem)
def test_every_package_of_a_lock_has_hashes(lock: Path) -> None:
    blocks = re.split(r"\n(?=\S)", lock.read_text())
    packages = [block for block in blocks if not block.startswith("#")]
    assert packages
    assert [block for block in packages if "--hash=sha256:" not in block] == []


def test_the_stubs_generator_is_the_oldest_that_the_declared_floors_allow() -> None:
    floors = {Requirement(text).name: text for text in PROJECT["project"]["dependencies"]}
    pinned = pins(ROOT / "requirements" / "protos.lock")
    (protobuf,) = pinned["protobuf"]
    (tools,) = pinned["grpcio-tools"]
    assert f">={protobuf}" in floors["protobuf"]
    assert tools.startswith(floors["grpcio"].partition(">=")[2])
