"""What importing the package costs, and beside whom it can live."""

from __future__ import annotations

import importlib.resources
import subprocess
import sys

import pytest

# grpc itself looks whether grpc_health is there; its messages are another matter.
HEAVY = (
    *("numpy", "google.rpc", "grpc_status", "grpc_health.v1", "pyvips", "cv2", "numba"),
    *("tensorflow", "click", "rich", "structlog", "autoquality_server"),
)


def run(code: str) -> str:
    """The output of `code` in a fresh interpreter where warnings are errors."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("module", ["autoquality", "autoquality.testing"])
def test_importing_it_imports_grpc_and_protobuf_alone(module: str) -> None:
    code = f"import sys, {module}\nprint(*[name for name in {HEAVY!r} if name in sys.modules])"
    assert run(code).strip() == ""


@pytest.mark.parametrize(
    "modules",
    [
        ("autoquality", "google.rpc.status_pb2", "google.rpc.error_details_pb2"),
        ("google.rpc.error_details_pb2", "google.rpc.status_pb2", "autoquality"),
        ("autoquality.testing", "grpc_health.v1.health_pb2"),
        ("grpc_health.v1.health_pb2", "autoquality.testing"),
    ],
)
def test_the_usual_packages_of_the_same_messages_may_come_before_or_after(
    modules: tuple[str, ...],
) -> None:
    imports = "\n".join(f"import {module}" for module in modules)
    code = f"""{imports}
from autoquality._status import ErrorInfo, decode_details, encode_status
print(decode_details(encode_status(3, "wrong", [ErrorInfo("R")]))[0].reason)
"""
    assert run(code).strip() == "R"


def test_the_package_says_that_it_is_typed() -> None:
    assert importlib.resources.files("autoquality").joinpath("py.typed").is_file()
