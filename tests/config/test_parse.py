"""Text becomes a value, or an error that states the rule."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from autoquality_core.types import ColorProfile, Format, Method
from autoquality_server.config import parse


@pytest.mark.parametrize("text", ["1", "t", "T", "true", "TRUE", "yes", "Y", "on", " true "])
def test_words_for_yes(text: str) -> None:
    assert parse.boolean(text) is True


@pytest.mark.parametrize("text", ["0", "f", "F", "false", "FALSE", "no", "n", "off"])
def test_words_for_no(text: str) -> None:
    assert parse.boolean(text) is False


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("1", 1),
        ("1048576", 2**20),
        ("64MiB", 64 * 2**20),
        ("64mib", 64 * 2**20),
        ("64 Mi", 64 * 2**20),
        ("10MB", 10_000_000),
        ("10M", 10_000_000),
        ("3kB", 3000),
        ("1GB", 10**9),
        ("1.5KiB", 1536),
        ("0.5GiB", 2**29),
        ("100B", 100),
        ("1023MiB", 1023 * 2**20),
    ],
)
def test_sizes_are_bytes_with_a_unit_or_without(text: str, size: int) -> None:
    assert parse.size(text) == size


def test_a_range_includes_both_ends() -> None:
    assert [parse.whole(1, 100)(text) for text in ("1", "100")] == [1, 100]
    assert [parse.number(0, 1, "0 to 1")(text) for text in ("0", "1", "2e-2")] == [0, 1, 0.02]


def test_a_choice_ignores_case() -> None:
    assert parse.choice(Method)("DSSIM") is Method.DSSIM


@pytest.mark.parametrize(
    ("text", "profile"),
    [
        ("srgb", ColorProfile.SRGB),
        (" Keep ", ColorProfile.KEEP),
        # As in imgproxy: whether to strip the profile.
        ("true", ColorProfile.SRGB),
        ("0", ColorProfile.KEEP),
    ],
)
def test_a_color_profile_is_a_name_or_a_boolean(text: str, profile: ColorProfile) -> None:
    assert parse.color_profile(text) is profile


def test_qualities_by_format_replace_the_defaults() -> None:
    read = parse.format_qualities({Format.WEBP: 79, Format.AVIF: 63})
    assert read("avif=50, jpg=70") == {Format.WEBP: 79, Format.AVIF: 50, Format.JPEG: 70}
    assert read("") == {Format.WEBP: 79, Format.AVIF: 63}
    assert read("webp=1, avif=100") == {Format.WEBP: 1, Format.AVIF: 100}


def test_qualities_by_format_cannot_be_changed_afterwards() -> None:
    qualities: Any = parse.format_qualities({})("avif=50")
    with pytest.raises(TypeError):
        qualities[Format.AVIF] = 1


def test_foreign_formats_are_split_off() -> None:
    assert parse.without_foreign_formats("webp=79,heic=77,avif=63,png=9") == (
        "webp=79,avif=63",
        ["heic=77", "png=9"],
    )


def test_a_network_is_a_file_that_exists_bundled_or_none(tmp_path: Any) -> None:
    graph = tmp_path / "net.pb"
    graph.touch()
    assert parse.network(str(graph)) == str(graph)
    assert parse.network("None") == "none"
    assert parse.network(" Bundled ") == parse.network("box") == "bundled"


def test_a_file_must_exist(tmp_path: Any) -> None:
    (tmp_path / "cert.pem").touch()
    assert parse.existing_file(str(tmp_path / "cert.pem")) == str(tmp_path / "cert.pem")
    for wrong in (tmp_path, tmp_path / "none.pem", "x" * 5000):
        with pytest.raises(ValueError, match="must be the path of a file that exists"):
            parse.existing_file(str(wrong))


def test_batch_sizes_rise() -> None:
    assert parse.batch_sizes("1, 4,16") == (1, 4, 16)
    assert parse.batch_sizes("3") == (3,)
    assert parse.batch_sizes(" ") == ()


@pytest.mark.parametrize(
    ("read", "text", "right"),
    [
        (parse.boolean, "maybe", "must be true or false"),
        (parse.whole(1, 100), "0", "must be a whole number from 1 to 100"),
        (parse.whole(1, 100), "101", "must be a whole number from 1 to 100"),
        (parse.whole(1, 100), "70.5", "must be a whole number from 1 to 100"),
        (parse.whole(0, 9), "fast", "must be a whole number from 0 to 9"),
        (parse.number(0, 1, "a DSSIM from 0 to 1"), "2", "must be a DSSIM from 0 to 1"),
        (parse.number(0, 1, "a DSSIM from 0 to 1"), "nan", "must be a DSSIM from 0 to 1"),
        (parse.number(0, 1e999, "0 or more"), "inf", "must be 0 or more"),
        (parse.number(0, 1, "a DSSIM from 0 to 1"), "x", "must be a DSSIM from 0 to 1"),
        (parse.choice(Method), "best", "must be none, size, dssim, ml or ssimulacra2"),
        (parse.color_profile, "p3", "must be srgb or keep"),
        (parse.size, "0", "must be a size from 1 byte to 1023MiB"),
        (parse.size, "-1", "must be a size"),
        (parse.size, "1024MiB", "must be a size from 1 byte to 1023MiB"),
        (parse.size, "10 apples", "must be a size"),
        (parse.batch_sizes, "4,2", "must be batch sizes in rising order such as 1,2,4,8"),
        (parse.batch_sizes, "1,1", "must be batch sizes in rising order"),
        (parse.batch_sizes, "0,1", "must be batch sizes in rising order"),
        (parse.batch_sizes, "1,x", "must be batch sizes in rising order"),
        (
            parse.network,
            "/no/such/net.pb",
            "that exists, 'bundled' or 'none'",
        ),
        (parse.format_qualities({}), "avif", "must be a list such as webp=79,avif=63"),
        (parse.format_qualities({}), "avif=0", "with a quality from 1 to 100"),
        (parse.format_qualities({}), "avif=²", "with a quality from 1 to 100"),
        (parse.format_qualities({}), "avif=101", "with a quality from 1 to 100"),
        (parse.format_qualities({}), "png=50", "jpeg, webp, avif or jxl"),
        (parse.format_qualities({}), "heic=77", "jpeg, webp, avif or jxl"),
    ],
)
def test_the_error_for_a_wrong_text_states_the_rule(
    read: Callable[[str], object], text: str, right: str
) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the message is compared below
        read(text)
    assert right in str(caught.value)
