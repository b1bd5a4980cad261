"""`autoquality compare` and `autoquality info`, the help, and the exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import grpc
import pytest
from click.testing import CliRunner

from autoquality import __version__
from autoquality._cli.main import cli
from autoquality.testing import FakeServer, Fault
from autoquality.v1 import encoding_pb2 as pb
from tests.cli.conftest import Run


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    """Two files."""
    one, other = tmp_path / "a.png", tmp_path / "b.webp"
    one.write_bytes(b"a")
    other.write_bytes(b"b")
    return one, other


def test_compare_prints_the_scores(run: Run, server: FakeServer, pair: tuple[Path, Path]) -> None:
    answer = pb.CompareResponse(dssim=0.0125, ssim=0.975, width=40, height=30, frames=1)
    server.respond(answer, rpc="Compare")
    result = run("compare", *pair)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == "DSSIM 0.012500  SSIM 0.975000  40 x 30\n"  # an older server
    answer.ssimulacra2 = 71.5
    server.respond(answer, rpc="Compare")
    result = run("compare", *pair)
    assert result.stdout == "DSSIM 0.012500  SSIM 0.975000  SSIMULACRA2 71.500  40 x 30\n"
    assert server.requests[0].message == pb.CompareRequest(reference=b"a", distorted=b"b")


def test_compare_prints_json(run: Run, server: FakeServer, pair: tuple[Path, Path]) -> None:
    answer = pb.CompareResponse(
        dssim=0.0125, ssim=0.975, ssimulacra2=71.5, width=40, height=30, frames=2
    )
    server.respond(answer, rpc="Compare")
    assert json.loads(run("compare", *pair, "--json").stdout) == {
        "dssim": 0.0125,
        "ssim": 0.975,
        "ssimulacra2": 71.5,
        "width": 40,
        "height": 30,
        "frames": 2,
        "request_id": server.requests[0].metadata["x-request-id"],
    }


def test_info_prints_formats_networks_defaults_limits_and_versions(run: Run) -> None:
    result = run("info")
    assert (result.exit_code, result.stderr) == (0, "")
    for text in (
        *(f"AutoQuality {__version__} at 127.0.0.1:", "fake-jpeg.pb for dssim on CPU:0"),
        *("reads     avif, gif, jpeg, jxl, png, tiff, webp", "default   none:0.02:70:80:0.001"),
        *("67.1 MB and 50 megapixels per image; requests: 2 run, 8 wait", "autoquality-fake"),
    ):
        assert text in result.stdout
    row = next(line for line in result.stdout.splitlines() if "avif   │" in line)
    assert [cell.strip() for cell in row.split("│")[1:-1]] == ["avif", "63", "60", "65", "-"]


def test_info_prints_json(run: Run) -> None:
    printed = json.loads(run("info", "--json").stdout)
    assert list(printed) == [
        *("version", "formats", "source_formats", "defaults", "limits", "library_versions"),
        "candidates",
    ]
    jpeg, *_, png, _ = printed["formats"]
    assert jpeg == {
        "format": "jpeg",
        "default_quality": 80,
        "min_quality": 70,
        "max_quality": 80,
        "network": {
            "name": "fake-jpeg.pb",
            "sha256": "0" * 64,
            "device": "CPU:0",
            "version": "",
            "resting": False,
            "metrics": ["dssim"],
        },
    }
    assert (png["default_quality"], png["network"]) == (None, None)
    assert printed["defaults"]["method"] == "none"
    assert printed["limits"]["workers"] == 2


def test_an_unreadable_file_gives_one_line_and_exit_code_1(
    run: Run, pair: tuple[Path, Path]
) -> None:
    result = run("compare", pair[0], "nothing.png")
    assert result.exit_code == 1
    message = "autoquality: cannot read nothing.png: No such file or directory\n"
    assert result.stderr == message


def test_a_failed_call_gives_one_line_and_exit_code_1(
    run: Run, server: FakeServer, pair: tuple[Path, Path]
) -> None:
    server.respond(Fault(grpc.StatusCode.PERMISSION_DENIED, "not you"), rpc="Compare")
    result = run("compare", *pair)
    assert (result.exit_code, result.stderr) == (1, "autoquality: not you\n")


def test_an_image_that_cannot_be_compared_is_named(
    run: Run, server: FakeServer, pair: tuple[Path, Path]
) -> None:
    message = "distorted: must be as large as the reference, 4x4; is 8x8"
    server.respond(Fault(grpc.StatusCode.INVALID_ARGUMENT, message), rpc="Compare")
    result = run("compare", *pair)
    line = f"autoquality: {pair[1]}: must be as large as the reference, 4x4; is 8x8\n"
    assert (result.exit_code, result.stderr) == (1, line)


def test_a_missing_token_names_the_options(run: Run, server: FakeServer) -> None:
    server.respond(
        Fault(grpc.StatusCode.UNAUTHENTICATED, "a token is required"), rpc="GetServerInfo"
    )
    result = run("info")
    assert result.stderr == (
        "autoquality: a token is required; give it with AUTOQUALITY_TOKEN or --token\n"
    )


@pytest.mark.usefixtures("short_outage")
@pytest.mark.parametrize("command", ["info", "compare {a} {b}", "encode {a} --format webp"])
def test_an_unreachable_server_gives_one_line_and_exit_code_3(
    pair: tuple[Path, Path], command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with FakeServer() as gone:
        address = gone.target
    arguments = command.format(a=pair[0], b=pair[1]).split()
    result = CliRunner().invoke(cli, ["--server", address, *arguments])
    assert result.exit_code == 3
    assert result.stderr.startswith(f"autoquality: cannot reach {address}: ")
    assert len(result.stderr.splitlines()) == 1


def test_environment_variables_set_the_server_and_the_token(
    server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setenv("AUTOQUALITY_SERVER", server.target)
    monkeypatch.setenv("AUTOQUALITY_TOKEN", "secret")
    result = CliRunner().invoke(cli, ["info"])
    assert result.exit_code == 0, result.stderr
    assert server.requests[0].metadata["authorization"] == "Bearer secret"
    assert "secret" not in CliRunner().invoke(cli, ["--help"]).output


def test_the_timeout_is_the_call_s(run: Run, server: FakeServer) -> None:
    run("--timeout", 5, "info")
    assert 0 < (server.requests[0].timeout or 0) < 6


@pytest.mark.parametrize("arguments", [[], ["encode"], ["compare"], ["info"], ["explore"]])
def test_every_command_has_help(arguments: list[str]) -> None:
    result = CliRunner().invoke(cli, [*arguments, "--help"])
    assert result.exit_code == 0
    assert "Usage:" in result.output


@pytest.mark.parametrize("arguments", [[], ["encode"], ["compare"], ["info"], ["explore"]])
def test_help_documents_every_exit_code(arguments: list[str]) -> None:
    text = CliRunner().invoke(cli, [*arguments, "--help"]).output
    for line in (
        "0    success",
        "1    a file or a call failed",
        "2    invalid command line",
        "3    the server cannot be reached",
        "130  interrupted",
    ):
        assert line in text


def test_global_options_may_follow_the_command(
    server: FakeServer, pair: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setenv("AUTOQUALITY_SERVER", "192.0.2.1:1")  # options replace variables
    after = ["--server", server.target, "--timeout", "5", "-v", "--token", "secret"]
    for command in (["info"], ["compare", *map(str, pair)]):
        result = CliRunner().invoke(cli, ["--server", "192.0.2.1:2", *command, *after])
        assert result.exit_code == 0, result.stderr
        call = server.requests[-1]
        assert 0 < (call.timeout or 0) < 6
        assert call.metadata["authorization"] == "Bearer secret"
    assert f"request {call.metadata['x-request-id']!s}" in result.stderr


def test_the_version_is_printed() -> None:
    result = CliRunner().invoke(cli, ["--version"])
    assert result.output == f"autoquality, version {__version__}\n"
