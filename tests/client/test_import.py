"""The imports of the package, and the packages it can share a process with."""

from __future__ import annotations

import importlib.resources

import pytest

from tests.commands import python

# grpc itself imports grpc_health if it is installed, but not its messages.
HEAVY = (
    *("numpy", "google.rpc", "grpc_status", "grpc_health.v1", "pyvips", "imagecodecs", "numba"),
    *("tensorflow", "click", "rich", "structlog", "autoquality_server"),
)


@pytest.mark.parametrize("module", ["autoquality", "autoquality.testing"])
def test_importing_it_imports_only_grpc_and_protobuf(module: str) -> None:
    code = f"import sys, {module}\nprint(*[name for name in {HEAVY!r} if name in sys.modules])"
    assert python(code, strict=True).stdout.strip() == ""


@pytest.mark.parametrize(
    "modules",
    [
        ("autoquality", "google.rpc.status_pb2", "google.rpc.error_details_pb2"),
        ("google.rpc.error_details_pb2", "google.rpc.status_pb2", "autoquality"),
        ("autoquality.testing", "grpc_health.v1.health_pb2"),
        ("grpc_health.v1.health_pb2", "autoquality.testing"),
    ],
)
def test_the_packages_with_the_same_messages_can_be_imported_before_or_after(
    modules: tuple[str, ...],
) -> None:
    imports = "\n".join(f"import {module}" for module in modules)
    code = f"""{imports}
from autoquality._status import ErrorInfo, decode_details, encode_status
print(decode_details(encode_status(3, "wrong", [ErrorInfo("R")]))[0].reason)
"""
    assert python(code, strict=True).stdout.strip() == "R"


def test_the_package_is_marked_as_typed() -> None:
    assert importlib.resources.files("autoquality").joinpath("py.typed").is_file()
