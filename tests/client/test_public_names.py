"""The public names: none is added or removed by accident."""

from __future__ import annotations

import inspect
import re
from types import ModuleType

import pytest

import autoquality
import autoquality.testing
from autoquality import _errors

PUBLIC = """
AsyncClient AutoQuality AutoQualityError AvifOptions BadRequest BinaryFile CancelledError Candidate
Chroma Client ColorProfile Comparison DeadlineExceededError Detail Encoded ErrorInfo FieldViolation
Format FormatInfo ImageFile ImageSource InternalError InvalidImageError InvalidRequestError
JpegOptions JxlOptions Limits Lossless Method Metric NetworkInfo Notice NoticeCode Outcome
OverloadedError PermissionDeniedError PngOptions Probe Progress QuotaFailure QuotaViolation
RawImage RequestInfo ResourceExhaustedError RetryInfo ServerInfo Stage Timings UnauthenticatedError
UnavailableError UnimplementedError UnknownDetail Verdict WebpOptions WebpPreset __version__
parse_notation
"""


def test_the_package_exports_exactly_these_names() -> None:
    assert sorted(autoquality.__all__) == sorted(PUBLIC.split())


def test_the_test_helpers_export_exactly_these_names() -> None:
    expected = ["Answer", "FakeServer", "Fault", "Received", "Rpc", "answer", "png_image"]
    assert sorted(autoquality.testing.__all__) == sorted(expected)


@pytest.mark.parametrize("package", [autoquality, autoquality.testing])
def test_every_name_that_is_not_exported_is_private_or_a_module(package: ModuleType) -> None:
    stray = {
        name
        for name, value in vars(package).items()
        if not name.startswith("_") and name not in package.__all__ and not inspect.ismodule(value)
    }
    assert stray == set()


def test_every_public_class_and_method_has_a_docstring() -> None:
    bare = [
        f"{name}.{member}"
        for name in autoquality.__all__
        if inspect.isclass(kind := getattr(autoquality, name))
        for member, value in [("", kind), *vars(kind).items()]
        if not member.startswith("_") and (inspect.isroutine(value) or value is kind)
        if not value.__doc__
    ]
    assert bare == []


def test_the_hierarchy_drawn_in_the_docstring_is_the_real_one() -> None:
    drawn: dict[str, str] = {}
    branch = ["AutoQualityError"]
    for line in (_errors.__doc__ or "").splitlines():
        if found := re.match(r"    ([|` -]*)(\w+Error)\b", line):
            depth = len(found[1]) // 4
            branch[depth:] = [found[2]]
            drawn[found[2]] = branch[depth - 1] if depth else "Exception"
    real = {
        name: getattr(autoquality, name).__base__.__name__
        for name in autoquality.__all__
        if name.endswith("Error")
    }
    assert drawn == real
