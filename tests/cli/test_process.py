"""The command line in its own process."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pty
import shlex
import signal
import socket
import subprocess
import sys
import termios
import threading
from pathlib import Path

import grpc
import pytest
import trustme

from autoquality.testing import FakeServer
from autoquality.v1 import encoding_pb2 as pb
from tests.authorities import chain_of, key_of
from tests.commands import python
from tests.http2 import FORGERY, HEADERS, SETTINGS, frame, goaway, read_until
from tests.waiting import until

ENVIRONMENT = {**os.environ, "no_proxy": "127.0.0.1", "PYTHONWARNINGS": "error"}


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "autoquality", *map(str, arguments)]


def run(
    *arguments: object, stdin: bytes = b"", environment: dict[str, str] | None = None
) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        command(*arguments),
        input=stdin,
        capture_output=True,
        check=False,
        env={**ENVIRONMENT, **(environment or {})},
        timeout=120,
    )


def test_an_image_goes_through_a_pipe_unchanged(server: FakeServer) -> None:
    image = bytes(range(256)) * 4000
    done = run("--server", server.target, "encode", "-", "--format", "webp", stdin=image)
    assert done.returncode == 0, done.stderr
    assert server.requests[-1].message.image == image
    with server.client() as client:
        assert done.stdout == client.encode(image, format="webp").image


@pytest.mark.parametrize(
    "arguments", [("encode", "-", "--format", "webp"), ("info",), ("info", "--json")]
)
def test_a_full_disk_behind_standard_output_is_named(
    server: FakeServer, arguments: tuple[str, ...]
) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            command("--server", server.target, *arguments),
            input=b"photo",
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
            env=ENVIRONMENT,
        )
    assert done.returncode == 1
    (line,) = done.stderr.decode().splitlines()
    assert line.endswith("cannot write to standard output: No space left on device")


@pytest.mark.parametrize(
    ("arguments", "code", "line"),
    [
        ("encode - --format webp <&-", 1, "-: cannot be read: Bad file descriptor"),
        ("encode - --format webp >&-", 1, "cannot write to standard output: Bad file descriptor"),
        ("info >&-", 1, "cannot write to standard output: Bad file descriptor"),
        ("encode /dev/zero --format webp", 1, "at most 1000 are accepted in a stream"),
        ("info 2>&-", 0, ""),
    ],
)
def test_a_closed_stream_and_an_endless_file_are_named(
    arguments: str, code: int, line: str
) -> None:
    limits = pb.Limits(max_image_bytes=500, max_stream_bytes=1000)
    with FakeServer(check_images=False, limits=limits) as server:
        done = subprocess.run(
            f"{shlex.join(command('--server', server.target))} {arguments}",
            shell=True,
            input=b"photo",
            capture_output=True,
            check=False,
            env=ENVIRONMENT,
            timeout=120,
        )
    assert done.returncode == code, done.stderr
    assert [one.endswith(line) for one in done.stderr.decode().splitlines()] == [True] * bool(line)


def test_a_name_that_the_output_cannot_encode_is_escaped(
    server: FakeServer, tmp_path: Path
) -> None:
    path = tmp_path / "日本.jpg"
    path.write_bytes(b"photo")
    arguments = ("encode", path, "--format", "webp")
    done = run("--server", server.target, *arguments, environment={"PYTHONIOENCODING": "ascii"})
    assert done.returncode == 0, done.stderr
    assert b"\\u65e5\\u672c.webp" in done.stdout


def test_ctrl_c_ends_the_wait_for_standard_input(server: FakeServer) -> None:
    read, write = os.pipe()
    process = subprocess.Popen(
        command("--server", server.target, "encode", "-", "--format", "webp"),
        stdin=read,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=ENVIRONMENT,
    )
    os.write(write, b"photo")
    until(lambda: fcntl.ioctl(read, termios.FIONREAD, bytes(4)) == bytes(4), reason="a read")
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (130, b"autoquality: interrupted\n")
    os.close(read)
    os.close(write)


def test_the_installed_command_runs_this_command_line(server: FakeServer) -> None:
    script = Path(sys.executable).with_name("autoquality")
    done = subprocess.run(
        [script, "--server", server.target, "info", "--json"],
        capture_output=True,
        check=True,
        env=ENVIRONMENT,
        timeout=120,
    )
    assert json.loads(done.stdout)["limits"]["workers"] == 2


@pytest.mark.parametrize("missing", ["click", "rich"])
def test_without_its_extra_it_prints_how_to_install_it(missing: str) -> None:
    hidden = f"import sys; sys.modules[{missing!r}] = None"
    code = f"{hidden}; from autoquality.__main__ import main; main()"
    done = python(code, env=ENVIRONMENT, status=1)
    expected = "autoquality: the command line needs its extra: pip install 'autoquality[cli]'\n"
    assert (done.stdout, done.stderr) == ("", expected)


def test_ctrl_c_ends_it_at_once_with_one_line_and_no_files(
    server: FakeServer, tmp_path: Path
) -> None:
    over = threading.Event()

    def wait(_request: pb.EncodeRequest) -> pb.EncodeResponse:
        over.wait(120)
        return pb.EncodeResponse()

    server.respond_always(wait)
    for number in range(5):
        (tmp_path / f"{number}.jpg").write_bytes(b"photo")
    arguments = ("encode", tmp_path, "-o", tmp_path / "out", "--format", "webp")
    process = subprocess.Popen(
        command("--server", server.target, *arguments),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=ENVIRONMENT,
    )
    # One call of `info`, and an image for each worker.
    until(lambda: len(server.requests) == 3 or process.poll() is not None, reason="3 calls")
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (130, "", "autoquality: interrupted\n")
    assert all(call.ended.wait(30) for call in server.requests)
    assert len(server.requests) == 3
    assert not (tmp_path / "out").exists()
    over.set()


def test_a_terminal_gets_a_progress_bar_and_a_file_gets_none(
    server: FakeServer, tmp_path: Path
) -> None:
    (tmp_path / "a.jpg").write_bytes(bytes(50_000))
    arguments = ("--server", server.target, "encode", tmp_path / "a.jpg", "--format", "webp")
    terminal, slave = pty.openpty()
    environment = {**ENVIRONMENT, "TERM": "xterm", "COLUMNS": "100"}
    done = subprocess.run(
        command(*arguments),
        stdout=subprocess.PIPE,
        stderr=slave,
        env=environment,
        check=True,
        timeout=120,
    )
    os.close(slave)
    shown = os.read(terminal, 100_000)
    os.close(terminal)
    assert b"encoding" in shown
    assert b"1/1" in shown
    assert "a.webp" in done.stdout.decode()
    assert run(*arguments, "--force").stderr == b""


def test_an_image_is_not_written_to_a_terminal(server: FakeServer) -> None:
    terminal, slave = pty.openpty()
    done = subprocess.run(
        command("--server", server.target, "encode", "-", "--format", "webp"),
        input=b"photo",
        stdout=slave,
        stderr=subprocess.PIPE,
        env=ENVIRONMENT,
        check=False,
        timeout=120,
    )
    os.close(slave)
    os.close(terminal)
    assert done.returncode == 2
    assert b"will not write an image to a terminal" in done.stderr
    assert server.requests == ()


def refuse_calls(listener: socket.socket) -> None:
    """Answer each call with a GOAWAY whose debug text tries to command a terminal.

    The GOAWAY must follow a call. gRPC does not count a connection that ends before its first
    call as an attempt: it connects again, thousands of times, until the call's deadline.
    """
    with contextlib.suppress(OSError):  # the test closes the listener at its end
        while True:
            connection, _ = listener.accept()
            with connection, contextlib.suppress(OSError):
                connection.sendall(frame(SETTINGS, b""))
                read_until(connection, HEADERS)
                connection.sendall(goaway(FORGERY))
                connection.shutdown(socket.SHUT_WR)
                while connection.recv(4096):
                    pass


def test_a_failed_handshake_adds_no_line_of_grpc(tmp_path: Path) -> None:
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1")
    trustme.CA().cert_pem.write_to_path(str(tmp_path / "stranger.pem"))
    credentials = grpc.ssl_server_credentials([(key_of(certificate), chain_of(certificate))])
    with FakeServer(credentials=credentials) as server:
        done = run("info", "--server", server.target, "--ca", tmp_path / "stranger.pem")
    assert done.returncode == 3
    (line,) = done.stderr.decode().splitlines()
    assert "no trusted authority signed the server's certificate" in line


def test_a_servers_goaway_steers_no_terminal_and_adds_no_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=refuse_calls, args=(listener,), daemon=True).start()
        port = listener.getsockname()[1]
        done = run("--server", f"127.0.0.1:{port}", "--timeout", "100", "info")
        listener.shutdown(socket.SHUT_RDWR)
    assert done.returncode == 3
    (line,) = done.stderr.decode().splitlines()
    assert line.startswith("autoquality: cannot reach")
    assert "forged" in line
    assert line.isprintable()
