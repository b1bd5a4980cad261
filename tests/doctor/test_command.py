"""The command as people and programs run it."""

from __future__ import annotations

import io
import json
import socket
import subprocess
import sys
from collections.abc import Mapping
from contextlib import redirect_stdout
from typing import Any

import pytest

from autoquality._version import __version__
from autoquality_core.types import Format
from autoquality_server.cli import doctor as command
from tests.servers import NO_NETWORKS, clean_environment

FREE = {"AUTOQUALITY_LISTEN": "127.0.0.1:0", "AUTOQUALITY_METRICS_LISTEN": "127.0.0.1:0"}


def doctor(*arguments: str, environ: Mapping[str, str] = FREE) -> subprocess.CompletedProcess[str]:
    """Run the command in this process."""
    output = io.StringIO()
    with redirect_stdout(output):
        code = command.run(arguments, {**NO_NETWORKS, **environ})
    return subprocess.CompletedProcess(arguments, code, output.getvalue())


def doctor_process(*arguments: str, before: str = "") -> subprocess.CompletedProcess[str]:
    """Run the command in a process of its own; `before` is Python that runs first."""
    script = (
        f"import sys\n{before}\nfrom autoquality_server.__main__ import main\n"
        "sys.exit(main(['doctor', *sys.argv[1:]]))"
    )
    return subprocess.run(
        [sys.executable, "-c", script, *arguments],
        env={**clean_environment(), **NO_NETWORKS, **FREE},
        capture_output=True,
        text=True,
    )


def by_part(document: dict[str, Any]) -> dict[str, dict[str, str]]:
    return {one["part"]: one for one in document["findings"]}


def test_the_report_of_a_usable_configuration_has_its_capacity_and_formats() -> None:
    done = doctor_process("--workers", "1", "--min", "60")
    assert (done.returncode, done.stderr) == (0, "")
    assert "The server would serve." in done.stdout
    for line in ("requests  1 run, 4 wait", "jpeg    80       60 to 80  none"):
        assert line in done.stdout.splitlines()
    for fmt in Format:
        assert f"\nOK      {fmt.value} " in done.stdout


def test_the_json_report_has_the_same() -> None:
    done = doctor("--json", "--workers", "1")
    document = json.loads(done.stdout)
    assert (document["version"], document["verdict"]) == (__version__, "ok")
    assert document["exit_code"] == done.returncode == 0
    assert document["serves"]["workers"] == 1
    formats = {one["format"]: one for one in document["serves"]["formats"]}
    assert formats.keys() == {fmt.value for fmt in Format}
    assert formats["webp"]["quality"] == 79
    assert formats["png"]["quality"] is None
    parts = by_part(document)
    assert {"configuration", "gRPC", "metrics", "cores", "memory", "allocator"} <= parts.keys()
    assert {"open files", "metric", "sources", "jpeg network", "gpu"} <= parts.keys()


def test_a_taken_port_fails_and_a_cache_out_of_reach_is_a_warning() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        nowhere = ("--cache-url", "redis://127.0.0.1:1/0")
        done = doctor("--json", "--metrics-listen", address, *nowhere)
    document = json.loads(done.stdout)
    assert (done.returncode, document["verdict"]) == (1, "failed")
    assert by_part(document)["cache"]["verdict"] == "warning"
    found = by_part(document)["metrics"]["text"]
    assert (
        found == f"AUTOQUALITY_METRICS_LISTEN: cannot listen on {address}: address already in use"
    )


@pytest.mark.parametrize("arguments", [(), ("--json",)])
def test_all_wrong_settings_are_named_and_end_with_2(arguments: tuple[str, ...]) -> None:
    done = doctor(*arguments, environ={"AUTOQUALITY_MIN": "x", "IMGPROXY_QUALITY": "0"})
    assert done.returncode == 2
    for name, wrong in (("AUTOQUALITY_MIN", "x"), ("IMGPROXY_QUALITY", "0")):
        assert f"{name}: must be a whole number from 1 to 100, not '{wrong}'" in done.stdout
    if arguments:
        assert json.loads(done.stdout)["serves"] is None


def test_a_suspicious_name_is_a_warning_and_variables_without_effect_are_listed() -> None:
    done = doctor("--json", environ=FREE | {"AUTOQUALITY_QUALTY": "70", "IMGPROXY_KEY": "k"})
    document = json.loads(done.stdout)
    assert (done.returncode, document["verdict"]) == (0, "warning")
    assert "did you mean AUTOQUALITY_QUALITY?" in done.stdout
    assert "no effect here: IMGPROXY_KEY" in done.stdout


def test_a_format_that_libvips_cannot_write_fails() -> None:
    block = "import pyvips; pyvips.operation_block_set('VipsForeignSaveWebp', True)"
    done = doctor_process("--json", before=block)
    parts = by_part(json.loads(done.stdout))
    assert done.returncode == 1
    assert parts["webp"] == {
        "part": "webp",
        "verdict": "failed",
        "text": "cannot be written here",
    }
    assert parts["jpeg"]["verdict"] == "ok"


def test_help_has_the_flags_and_the_exit_codes() -> None:
    done = doctor_process("--help")
    assert done.returncode == 0
    assert "--json" in done.stdout and "--drain-timeout" in done.stdout
    assert "2 if a setting is wrong" in " ".join(done.stdout.split())


def test_the_servers_own_command_line_has_no_json() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "autoquality_server", "--json"], capture_output=True, text=True
    )
    assert done.returncode == 2
    assert "unrecognized arguments: --json; see autoquality-server --help" in done.stderr
