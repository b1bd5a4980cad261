"""A format and a metric can be added as CONTRIBUTING.md says, with few edited files.

The patches in tests/extending follow "Add a format" and "Add a metric". If one no longer applies
because its surroundings changed, change it, too.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.extending import PATCHES, edited_files, extend, run_extended

CONTRACT = "protos/autoquality/v1/encoding.proto"


@pytest.fixture(scope="module")
def extended(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the code with the toy format and the toy metric."""
    folder = tmp_path_factory.mktemp("extended")
    extend(folder)
    return folder


@pytest.mark.parametrize(
    ("kind", "files"),
    [
        (
            "format",
            {
                "core/autoquality_core/types.py",
                "core/autoquality_core/formats/__init__.py",
                "core/autoquality_core/formats/toy.py",
                "client/autoquality/_enums.py",
                "client/autoquality/_options.py",
                "client/autoquality/__init__.py",
            },
        ),
        (
            "metric",
            {
                "core/autoquality_core/metrics/__init__.py",
                "core/autoquality_core/metrics/psnr/__init__.py",
                "client/autoquality/_enums.py",
                "client/autoquality/_results.py",
            },
        ),
    ],
)
def test_besides_the_contract_six_files_are_edited_at_most(kind: str, files: set[str]) -> None:
    edited = edited_files(PATCHES[kind])
    assert len(files) <= 6
    assert set(edited) == files | {CONTRACT}


def test_the_library_has_the_format_and_the_metric(extended: Path) -> None:
    run_extended(extended, "tests.extending.library")


def test_the_service_and_the_commands_have_the_format_and_the_metric(extended: Path) -> None:
    run_extended(extended, "tests.extending.service")


@pytest.mark.parametrize(
    "wrong",
    [
        {
            "--toy-tile=0": "must be a whole number from 1 to 64",
            "--toy-big=maybe": "must be true or false",
            "--format-quality=toy=101": "jpeg, webp, avif, jxl or toy with a quality from 1 to 100",
        },
        {"--format-min=toy=96": "the lowest quality of toy must be at most its highest, 95"},
    ],
)
def test_the_settings_of_the_format_are_checked(extended: Path, wrong: dict[str, str]) -> None:
    with pytest.raises(AssertionError) as caught:
        run_extended(extended, "autoquality_server", *wrong)
    for refusal in wrong.values():
        assert refusal in str(caught.value)
