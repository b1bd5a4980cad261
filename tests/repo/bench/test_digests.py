"""Two files of digests are compared, and every difference is found."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bench.digests.cases import cases
from bench.digests.lines import STREAM, Lines, changes, read, sampled, unlike, write

PROBES = [[60, 900, 0.03], [62, 930, 0.02]]
ANSWER: dict[str, Any] = {"bytes": "1f", "dssim": 0.020143888654808203, "probes": PROBES}


@pytest.mark.parametrize("name", ["answers", "answers.gz"])
def test_answers_are_read_as_they_were_written(name: str, tmp_path: Path) -> None:
    lines: Lines = {"b": ANSWER, "a": {"error": "INVALID_ARGUMENT", "message": "größer\n"}}
    write(lines, tmp_path / name)
    assert read(tmp_path / name) == lines
    assert list(changes(lines, read(tmp_path / name))) == []


def test_every_changed_field_is_shown() -> None:
    changed = {**ANSWER, "bytes": "2e", "probes": [[60, 900, 0.03], [61, 920, 0.02]]}
    shorter = {**ANSWER, "probes": PROBES[:1]}
    before: Lines = {"a": ANSWER, "b": ANSWER, "c": ANSWER, "d": ANSWER}
    after: Lines = {"a": changed, "b": ANSWER, "c": shorter, "e": ANSWER}
    assert list(changes(before, after)) == [
        'a\n    bytes: "1f" -> "2e"\n    probes[1]: [62, 930, 0.02] -> [61, 920, 0.02]',
        "c\n    probes: 2 -> 1 of them",
        "d\n    GONE",
        "e\n    NEW",
    ]


def test_a_change_of_the_last_digit_is_found() -> None:
    close = {**ANSWER, "dssim": 0.020143888654808206}
    assert len(list(changes({"a": ANSWER}, {"a": close}))) == 1


def test_a_streamed_answer_that_differs_from_the_unary_one_is_found() -> None:
    streamed = {**ANSWER, "progress": [["accepted", None]]}
    lines: Lines = {"a: x": ANSWER, f"a{STREAM}: x": streamed}
    assert list(unlike(lines)) == []
    lines[f"a{STREAM}: x"] = {**streamed, "bytes": "2e"}
    assert list(unlike(lines)) == [f'a{STREAM}: x\n    bytes: "1f" -> "2e"']


def test_every_call_has_its_own_key_and_the_sample_is_a_tenth(images: Path) -> None:
    keys = [case.key for case in cases({"images/coffee.png": images / "coffee.png"})]
    assert len(set(keys)) == len(keys)
    assert 0.05 < sum(map(sampled, keys)) / len(keys) < 0.15
    assert all(sampled(key) == sampled(key.replace(STREAM, "")) for key in keys)


def test_missing_arguments_are_reported() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bench.digests", "."], capture_output=True, text=True
    )
    assert done.returncode == 2
    assert "nothing to do without --out or --against" in done.stderr
