"""What libraries write to the outputs by themselves is logged, escaped."""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import grpc
import pytest
import trustme

from autoquality_server.telemetry.captured_output import EVENT
from tests.authorities import TlsFiles
from tests.http2 import (
    FORGED,
    FORGERY,
    PREFACE,
    SETTINGS,
    frame,
    goaway,
    leave_with,
    unary_call,
)
from tests.rpc.conftest import ENCODING, ROOT, Process, encoding_stub
from tests.rpc.scripted import request
from tests.waiting import LIMIT, until


def test_a_goaways_debug_text_is_escaped_inside_lines_of_the_log(
    start_process: Callable[..., Process],
) -> None:
    server = start_process()
    leave_with(server.port, FORGERY)
    until(lambda: "red" in server.log.read_text())
    assert b"\x1b" not in server.log.read_bytes()
    lines = [json.loads(line) for line in server.log.read_text().splitlines()]
    assert not [line for line in lines if line["event"] == "forged"]
    texts = [line["text"] for line in server.lines(EVENT)]
    assert any("GOAWAY received" in text for text in texts)
    assert FORGED in texts


NASTY = f"x\x1b[31m\n{FORGED}\n"

HOSTILE = {
    "another protocol": f"GET /{NASTY} HTTP/1.1\r\nHost: {NASTY}\r\n\r\n".encode(),
    "half a handshake": b"\x16\x03\x01\x02\x00\x01" + NASTY.encode() * 9,
    "a strange path": PREFACE + frame(SETTINGS, b"") + unary_call(1, f"{ENCODING}/{NASTY}", b""),
    "strange metadata": PREFACE
    + frame(SETTINGS, b"")
    + b"".join(
        unary_call(2 * index + 1, f"{ENCODING}/Encode", b"", **{key: NASTY})
        for index, key in enumerate(
            ("user_agent", "x_request_id", "authorization", "traceparent", "grpc_timeout", "te")
        )
    ),
    "a field with anything": PREFACE
    + frame(SETTINGS, b"")
    + unary_call(1, f"{ENCODING}/Encode", request(NASTY).SerializeToString()),
    "a frame that is none": PREFACE + frame(SETTINGS, NASTY.encode()) + goaway(FORGERY),
}


@pytest.mark.parametrize("secured", [False, True], ids=["plain", "tls"])
def test_whatever_a_peer_sends_every_line_of_the_log_is_json_in_ascii(
    start_process: Callable[..., Process], tmp_path: Path, secured: bool
) -> None:
    files = TlsFiles.of(tmp_path, trustme.CA()).settings if secured else {}
    tls = {name.upper(): path for name, path in files.items()}
    server = start_process(LOG_LEVEL="debug", METRICS_LISTEN="127.0.0.1:0", **tls)
    for port in (server.port, server.metrics_port):
        for data in HOSTILE.values():
            with socket.create_connection(("127.0.0.1", port), LIMIT) as client:
                client.sendall(data)
                client.shutdown(socket.SHUT_WR)
                with contextlib.suppress(ConnectionError):
                    while client.recv(4096):
                        pass
    server.process.terminate()
    assert server.process.wait(LIMIT) == 0
    log = server.log.read_bytes().decode("ascii")
    assert log.replace("\n", "").isprintable()
    assert "forged" not in [json.loads(line)["event"] for line in log.splitlines()]


def test_a_readable_log_has_no_forged_line_and_no_control_character(
    start_process: Callable[..., Process],
) -> None:
    server = start_process(LOG_FORMAT="console")
    leave_with(server.port, FORGERY)
    until(lambda: "red" in server.log.read_text())
    with grpc.insecure_channel(server.address) as channel, pytest.raises(grpc.RpcError):
        encoding_stub(channel).Encode(request("forged"))
    until(lambda: "INTERNAL" in server.log.read_text())
    text = server.log.read_text()
    assert all(character.isprintable() for character in text.replace("\n", ""))
    assert [line for line in text.splitlines() if "forged" in line]
    assert not [line for line in text.splitlines() if line.startswith(FORGED)]


def test_a_fatal_traceback_is_in_the_log_after_a_crash(
    start_process: Callable[..., Process],
) -> None:
    server = start_process()
    server.process.send_signal(signal.SIGSEGV)
    assert server.process.wait(LIMIT) == -signal.SIGSEGV
    until(lambda: "runner.py" in server.log.read_text())
    texts = [line["text"] for line in server.lines(EVENT)]
    assert texts[0] == "Fatal Python error: Segmentation fault"


SCRIPT = """
import os, signal, sys, time, warnings
from autoquality_server.config.groups.serving import LogFormat, LogLevel
from autoquality_server.process.fatal import end_with_any_thread
from autoquality_server.telemetry import captured_output

class Broken:
    def __del__(self):
        raise ValueError("in a finalizer")

captured_output._is_first = lambda: sys.argv[1] == "first"
with captured_output.capture_output(LogLevel.INFO, LogFormat.JSON):
    end_with_any_thread()
    signal.signal(signal.SIGTERM, lambda *_: os._exit(7))
    os.write(1, b"Corrupt JPEG data: bad Huffman code\\nready\\n")
    warnings.warn("two\\nlines")
    Broken()
    if sys.argv[2] == "crash":
        os.kill(os.getpid(), signal.SIGSEGV)
    if sys.argv[2] == "wait":
        time.sleep(600)
    sys.exit(3)
"""


def run_script(role: str, end: str, log: Path) -> subprocess.Popen[bytes]:
    with log.open("wb") as output:
        return subprocess.Popen(
            [sys.executable, "-c", SCRIPT, role, end], stderr=output, stdout=output, cwd=ROOT
        )


@pytest.mark.parametrize("role", ["first", "other"])
def test_the_first_process_of_a_container_reads_and_ends_as_its_server(
    role: str, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    assert run_script(role, "exit", log).wait(LIMIT) == 3
    crashed = run_script(role, "crash", log)
    assert crashed.wait(LIMIT) == (128 + signal.SIGSEGV if role == "first" else -signal.SIGSEGV)
    until(lambda: "Fatal Python error" in log.read_text())
    waiting = run_script(role, "wait", log)
    until(lambda: "ready" in log.read_text())
    waiting.terminate()
    assert waiting.wait(LIMIT) == 7
    assert [json.loads(line) for line in log.read_text().splitlines()]


def test_warnings_of_python_and_ignored_exceptions_are_one_line_each(tmp_path: Path) -> None:
    log = tmp_path / "log"
    assert run_script("first", "exit", log).wait(LIMIT) == 3
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    (warning,) = [line for line in lines if "UserWarning: two\nlines" in line["event"]]
    assert (warning["level"], "text" in warning) == ("warning", False)
    (ignored,) = [line for line in lines if line["event"] == "an exception was ignored"]
    assert ignored["exception"].endswith("ValueError: in a finalizer")


def test_libjpegs_remarks_about_sources_are_not_logged(tmp_path: Path) -> None:
    log = tmp_path / "log"
    assert run_script("first", "exit", log).wait(LIMIT) == 3
    texts = [json.loads(line).get("text") for line in log.read_text().splitlines()]
    assert "ready" in texts and "Corrupt JPEG data: bad Huffman code" not in texts
