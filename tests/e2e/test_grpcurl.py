"""Every RPC by the real grpcurl, with no schema at hand but the server's reflection."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.photos import crop
from tests.servers import RunningServer

SERVICE = "autoquality.v1.EncodingService"


def grpcurl(
    server: RunningServer, *arguments: str, request: dict[str, Any] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run grpcurl against the server; `request` is sent on standard input, like `-d @`."""
    beside_python = Path(sys.executable).with_name("grpcurl")
    program = str(beside_python) if beside_python.exists() else shutil.which("grpcurl")
    assert program, "grpcurl is not installed"
    data = [] if request is None else ["-d", "@"]
    return subprocess.run(
        [program, "-plaintext", *data, *arguments],
        input=None if request is None else json.dumps(request),
        capture_output=True,
        text=True,
        timeout=60,
    )


def call(server: RunningServer, method: str, request: dict[str, Any]) -> dict[str, Any]:
    done = grpcurl(server, server.address, method, request=request)
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def photograph() -> str:
    return base64.b64encode(crop("coffee.png", 128, 96)).decode()


def test_reflection_lists_the_service_and_health(server: RunningServer) -> None:
    listed = grpcurl(server, server.address, "list").stdout.split()
    assert SERVICE in listed
    assert "grpc.health.v1.Health" in listed


def test_describe_shows_the_contract(server: RunningServer) -> None:
    for name, line in (
        ("autoquality.v1.AutoQuality", "optional double target = 2"),
        ("autoquality.v1.AutoQuality.target", "optional double target = 2"),
        ("autoquality.v1.Format.FORMAT_AVIF", "FORMAT_AVIF = 3"),
        (f"{SERVICE}.Encode", "rpc Encode ( .autoquality.v1.EncodeRequest )"),
    ):
        done = grpcurl(server, server.address, "describe", name)
        assert line in done.stdout, f"{name}: {done.stdout}{done.stderr}"


def test_health_is_serving_as_a_whole_and_per_service(server: RunningServer) -> None:
    for service in ("", SERVICE):
        answer = call(server, "grpc.health.v1.Health/Check", {"service": service})
        assert answer == {"status": "SERVING"}


def test_server_info_lists_formats_defaults_and_limits(server: RunningServer) -> None:
    answer = call(server, f"{SERVICE}/GetServerInfo", {})
    formats = {one["format"]: one for one in answer["formats"]}
    assert set(formats) == {f"FORMAT_{name}" for name in ("JPEG", "WEBP", "AVIF", "PNG", "JXL")}
    assert (formats["FORMAT_AVIF"]["min_quality"], formats["FORMAT_AVIF"]["max_quality"]) == (
        60,
        65,
    )
    assert answer["defaults"] == {
        "method": "METHOD_NONE",
        "target": 0.02,
        "min_quality": 70,
        "max_quality": 80,
        "allowed_error": 0.001,
    }
    assert answer["limits"]["max_image_bytes"] == str(64 * 2**20)
    assert {"jpeg", "png", "webp", "gif", "tiff"} <= set(answer["source_formats"])


@pytest.mark.parametrize("fmt", ["FORMAT_JPEG", "FORMAT_WEBP", "FORMAT_AVIF", "FORMAT_JXL"])
def test_encode_by_dssim_returns_the_image_and_the_proof(server: RunningServer, fmt: str) -> None:
    wish = {"method": "METHOD_DSSIM", "target": 0.02, "min_quality": 10, "max_quality": 95}
    answer = call(
        server,
        f"{SERVICE}/Encode",
        {"image": photograph(), "format": fmt, "auto_quality": wish},
    )
    assert answer["format"] == fmt
    assert answer["iterations"] == len(answer["probes"])
    assert int(answer["size_bytes"]) == len(base64.b64decode(answer["image"]))
    assert answer["applied"] == {**wish, "allowed_error": 0.001, "metric": "METRIC_DSSIM"}
    assert answer["outcome"] in ("OUTCOME_TARGET_MET", "OUTCOME_NEAREST_QUALITY")


def test_encode_by_ssimulacra2_needs_no_more_than_the_method(server: RunningServer) -> None:
    answer = call(
        server,
        f"{SERVICE}/Encode",
        {
            "image": photograph(),
            "format": "FORMAT_WEBP",
            "auto_quality": {"method": "METHOD_SSIMULACRA2"},
            "measure": ["METRIC_DSSIM"],
        },
    )
    assert answer["applied"] == {
        "method": "METHOD_SSIMULACRA2",
        "target": 70,
        "min_quality": 10,
        "max_quality": 95,
        "allowed_error": 1,
        "metric": "METRIC_SSIMULACRA2",
    }
    assert answer["ssimulacra2"] == pytest.approx(70, abs=1)
    assert "dssim" in answer


def test_compare_measures_what_encode_reported(server: RunningServer) -> None:
    encoded = call(
        server,
        f"{SERVICE}/Encode",
        {"image": photograph(), "format": "FORMAT_WEBP", "quality": 50, "measure_dssim": True},
    )
    answer = call(
        server,
        f"{SERVICE}/Compare",
        {"reference": photograph(), "distorted": encoded["image"]},
    )
    assert answer["dssim"] == pytest.approx(encoded["dssim"], abs=1e-4)
    assert answer["ssim"] == pytest.approx(1 - 2 * answer["dssim"])
    assert (answer["width"], answer["height"]) == (128, 96)


def test_wrong_fields_are_named_with_details(server: RunningServer) -> None:
    done = grpcurl(
        server,
        "-format-error",
        server.address,
        f"{SERVICE}/Encode",
        request={"image": photograph(), "auto_quality": {"min_quality": 300}, "min_width": 0},
    )
    assert done.returncode != 0
    error = json.loads(done.stderr)
    kinds = {one["@type"].rsplit(".", 1)[-1]: one for one in error["details"]}
    first, second = kinds["BadRequest"]["field_violations"]
    assert first["field"] == "auto_quality.min_quality"
    assert "1 to 100" in first["description"]
    assert second["field"] == "min_width"
    assert error["message"].endswith("; 1 more field is invalid")
    assert kinds["ErrorInfo"]["domain"] == "autoquality.v1"
