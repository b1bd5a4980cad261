"""The real command line: help, version, settings in effect, errors."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from autoquality._version import __version__
from autoquality_server.__main__ import main
from autoquality_server.config import load
from autoquality_server.config.settings import SPECS
from tests.servers import clean_environment


def run(
    *arguments: str, environ: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "autoquality_server", *arguments],
        env={**clean_environment(), "COLUMNS": "100", **(environ or {})},
        capture_output=True,
        text=True,
        check=False,
    )


def test_help_names_every_flag_and_variable() -> None:
    done = run("--help")
    assert done.returncode == 0
    for spec in SPECS:
        assert spec.flag in done.stdout
        assert spec.variable in done.stdout


def test_version() -> None:
    assert run("--version").stdout == f"autoquality-server {__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "environ", "line"),
    [
        (["--min", "0"], {}, "--min: must be a whole number from 1 to 100, not '0'"),
        ([], {"AUTOQUALITY_LISTEN": "x"}, ("AUTOQUALITY_LISTEN: must be host:port with a port "
         "from 0 to 65535, or unix:/path, not 'x'")),
        (["--wrong"], {}, "unrecognized arguments: --wrong; see autoquality-server --help"),
        (["--mi", "3"], {}, "unrecognized arguments: --mi 3; see autoquality-server --help"),
        (["--quality"], {}, ("argument --quality: expected one argument; see "
         "autoquality-server --help")),
    ],
)  # fmt: skip
def test_a_wrong_setting_ends_the_start_with_one_line_and_code_2(
    arguments: list[str],
    environ: dict[str, str],
    line: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """In this process, where `main` returns the exit code."""
    kept = {"OPENBLAS_NUM_THREADS": "1", "VIPS_WARNING": "0"}  # `main` sets both
    for name, value in (kept | environ | {"AUTOQUALITY_LOG_FORMAT": "console"}).items():
        monkeypatch.setenv(name, value)
    assert main(arguments) == 2
    assert capsys.readouterr().err == f"autoquality-server: error: {line}\n"


def test_errors_of_the_start_are_lines_of_a_json_log(tmp_path: Path) -> None:
    path = tmp_path / "console.env"
    path.write_text("AUTOQUALITY_LOG_FORMAT=console\n")
    done = run("--min", "0", "--max", "x\ny")
    first, second = map(json.loads, done.stderr.splitlines())
    assert first.pop("timestamp") <= second["timestamp"]
    assert first == {
        "event": "the server does not start",
        "level": "critical",
        "exit_code": 2,
        "error": "--min: must be a whole number from 1 to 100, not '0'",
    }
    assert json.loads(run("--wrong").stderr)["error"].startswith("unrecognized arguments")
    for arguments in (["--check-config"], ["--env-file", str(path)], ["--log-format", "console"]):
        assert run("--min", "0", *arguments).stderr.startswith("autoquality-server: error: --min")
    assert done.stdout == ""


def test_the_settings_in_effect_can_be_used_as_an_env_file(tmp_path: Path) -> None:
    flags = ["--min", "10", "--channelz", "--reflection", "false", "--metrics-listen", "off"]
    done = run("--check-config", *flags, environ={"IMGPROXY_FORMAT_QUALITY": "avif=40"})
    assert done.returncode == 0
    assert "AUTOQUALITY_MIN=10  # --min\n" in done.stdout
    path = tmp_path / "printed.env"
    path.write_text(done.stdout)
    again = load({"env_file": str(path)}, {}).settings
    assert again.min_quality == 10
    assert (again.channelz, again.reflection) == (True, False)
    assert again.metrics_listen == ""
    assert {fmt.value: quality for fmt, quality in again.format_quality.items()} == {
        "webp": 79,
        "avif": 40,
        "jxl": 77,
    }


def test_the_settings_in_effect_are_printed_exactly_and_quoted_where_needed(tmp_path: Path) -> None:
    network = tmp_path / "it's #1.pb"
    network.touch()
    flags = ["--target", "0.0123456789", "--max-resolution", "12.3456789"]
    flags += ["--jpeg-net", str(network)]
    done = run("--check-config", *flags)
    path = tmp_path / "printed.env"
    path.write_text(done.stdout)
    again = load({"env_file": str(path)}, {}).settings
    assert (again.target, again.max_resolution) == (0.0123456789, 12.3456789)
    assert getattr(again, "jpeg_net") == str(network)  # noqa: B009 - made from the formats


def test_a_name_that_is_not_utf_8_is_printed_as_it_is(tmp_path: Path) -> None:
    network = os.fsencode(tmp_path) + b"/\xff.pb"
    Path(os.fsdecode(network)).touch()
    done = subprocess.run(
        [sys.executable, "-m", "autoquality_server", "--check-config", b"--jpeg-net=" + network],
        env={**clean_environment(), "PYTHONIOENCODING": "utf-8"},  # strict, as outside of C.UTF-8
        capture_output=True,
        check=True,
    )
    assert b"AUTOQUALITY_JPEG_NET='" + network + b"'" in done.stdout


def test_checking_the_configuration_shows_its_warnings() -> None:
    done = run("--check-config", environ={"AUTOQUALITY_QUALTY": "70"})
    assert done.returncode == 0
    assert done.stderr == (
        "autoquality-server: warning: AUTOQUALITY_QUALTY is not a setting: "
        "did you mean AUTOQUALITY_QUALITY?\n"
    )


def test_without_the_servers_dependencies_one_line_says_what_to_install(tmp_path: Path) -> None:
    """A base install has the client alone; a module that cannot be imported stands for that."""
    (tmp_path / "structlog.py").write_text("raise ModuleNotFoundError(name='structlog')")
    paths = os.pathsep.join(filter(None, (str(tmp_path), os.environ.get("PYTHONPATH"))))
    done = run(environ={"PYTHONPATH": paths})
    assert done.returncode == 1
    assert json.loads(done.stderr)["error"] == (
        "structlog is missing: install the server with pip install 'autoquality[server]'"
    )
