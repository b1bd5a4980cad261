"""The log: JSON or readable lines on standard error, one for each request."""

from __future__ import annotations

import socket
from collections.abc import Callable

import grpc
import pytest
from grpc_health.v1 import health_pb2

from tests.http2 import PREFACE, SETTINGS, frame, unary_call
from tests.rpc.conftest import ENCODING, Process, encoding_stub, health_stub
from tests.rpc.scripted import SECRET, request
from tests.waiting import LIMIT, until


def encode(server: Process, how: str = "", image: bytes = b"") -> None:
    with grpc.insecure_channel(server.address) as channel:
        stub = encoding_stub(channel)
        try:
            stub.Encode(request(how, image), metadata=(("x-request-id", "the-id"),))
        except grpc.RpcError:
            assert how


def test_a_request_is_one_line_with_what_the_service_adds(
    start_process: Callable[..., Process],
) -> None:
    server = start_process()
    encode(server, image=b"picture" * 1000)
    (line,) = server.lines("request")
    assert line["rpc"] == f"{ENCODING}/Encode"
    assert line["code"] == "OK"
    assert line["request_id"] == "the-id"
    assert line["duration_seconds"] > 0
    assert str(line["peer"]).startswith("ipv4:127.0.0.1:")
    assert (line["format"], line["quality"]) == ("jpeg", 80)
    assert line["level"] == "info"
    assert line["image"] == "<7000 bytes>"
    assert "picture" not in server.log.read_text()


def test_the_fields_of_one_request_do_not_leak_into_the_next(
    start_process: Callable[..., Process],
) -> None:
    server = start_process()
    encode(server)
    encode(server, "field")
    second = server.lines("request")[1]
    assert "quality" not in second
    assert second["reason"] == "INVALID_FIELD"
    assert second["code"] == "INVALID_ARGUMENT"


def test_a_defect_is_logged_with_its_traceback_and_the_request_id(
    start_process: Callable[..., Process],
) -> None:
    server = start_process()
    encode(server, "defect")
    (defect,) = server.lines("a defect: unexpected exception")
    assert defect["request_id"] == "the-id"
    assert "Traceback" in defect["exception"]
    assert SECRET in defect["exception"]
    (line,) = server.lines("request")
    assert (line["code"], line["level"]) == ("INTERNAL", "error")


def test_no_image_gets_into_a_readable_log_even_by_a_defect(
    start_process: Callable[..., Process],
) -> None:
    server = start_process(LOG_FORMAT="console")
    encode(server, "defect", image=b"picture" * 10)
    until(lambda: "INTERNAL" in server.log.read_text())
    text = server.log.read_text()
    assert "Traceback" in text
    assert SECRET in text
    assert "picture" not in text


@pytest.mark.parametrize(("level", "lines"), [("info", 0), ("debug", 1)])
def test_health_checks_are_for_the_debug_log(
    start_process: Callable[..., Process], level: str, lines: int
) -> None:
    server = start_process(LOG_LEVEL=level)
    with grpc.insecure_channel(server.address) as channel:
        health_stub(channel).Check(health_pb2.HealthCheckRequest())
    assert len(server.lines("request")) == lines


def test_a_token_that_is_not_utf_8_is_not_logged(start_process: Callable[..., Process]) -> None:
    server = start_process()
    call = unary_call(1, f"{ENCODING}/Encode", b"", authorization="Bearer my-token\udcff")
    with socket.create_connection(("127.0.0.1", server.port), LIMIT) as client:
        client.sendall(PREFACE + frame(SETTINGS, b"") + call)
        until(lambda: server.lines("request"))
    assert "my-token" not in server.log.read_text()
    assert server.lines("request")[0]["code"] == "OK"
