"""What libraries write to the outputs by themselves is logged, escaped."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable

import grpc
import pytest

from autoquality_server.telemetry.stray import EVENT
from tests.http2 import FORGED, FORGERY, leave_with
from tests.shell.conftest import Process, encoding_stub, until
from tests.shell.scripted import request


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
    assert server.process.wait() == -signal.SIGSEGV
    until(lambda: "runner.py" in server.log.read_text())
    texts = [line["text"] for line in server.lines(EVENT)]
    assert texts[0] == "Fatal Python error: Segmentation fault"
