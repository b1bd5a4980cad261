"""The command `autoquality explore`: its options, its end, and its extra."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys

import pytest
from click.testing import CliRunner

from autoquality._cli.main import cli
from tests.commands import python
from tests.servers import clean_environment


@pytest.mark.parametrize("missing", ["starlette", "uvicorn"])
def test_without_its_extra_it_prints_how_to_install_it(missing: str) -> None:
    hidden = f"import sys; sys.modules[{missing!r}] = None; sys.argv[1:] = ['explore']"
    done = python(f"{hidden}; from autoquality.__main__ import main; main()", status=1)
    extra = "autoquality: the page needs its extra: pip install 'autoquality[explore]'\n"
    assert (done.stdout, done.stderr) == ("", extra)


def test_the_other_commands_do_not_import_the_web_framework() -> None:
    code = """import sys
from autoquality._cli.main import cli
cli(["explore", "--help"], standalone_mode=False)
print(*[name for name in ("starlette", "uvicorn", "anyio") if name in sys.modules])"""
    assert python(code).stdout.splitlines()[-1] == ""


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "images.example", ""])
def test_it_listens_on_one_address_alone(host: str) -> None:
    result = CliRunner().invoke(cli, ["explore", "--host", host])
    assert result.exit_code == 2
    assert f"--host must be one IP address of this machine, not {host!r}" in result.stderr


def test_a_port_in_use_gives_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = CliRunner().invoke(cli, ["explore", "--port", str(port)])
    assert result.exit_code == 1
    line = f"autoquality: cannot listen on 127.0.0.1 port {port}: Address already in use\n"
    assert result.stderr == line


def test_ctrl_c_ends_it_quietly() -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "autoquality", "explore", "--port", "0"],
        env=clean_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    assert process.stdout.readline().startswith("AutoQuality explore at http://127.0.0.1:")
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (0, "", "")
