"""A cache that fails, answers nonsense or cannot be used: no request fails for it."""

from __future__ import annotations

import signal
import socketserver
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from autoquality.v1 import encoding_pb2 as pb
from autoquality_core import encode
from autoquality_core.runtime.deadline import Deadline
from autoquality_server.cli.doctor import report
from autoquality_server.cli.doctor.access import check_cache
from autoquality_server.config import ConfigError, Settings, load
from autoquality_server.rpc.cache import describe, place
from tests.photos import crop
from tests.redis import TIMEOUT, RunningRedis, opened
from tests.waiting import LIMIT, in_background, until

PHOTO = crop("coffee.png", 64, 48)


def test_a_cache_that_does_not_answer_is_soon_left_out(
    cache: RunningRedis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("autoquality_server.rpc.cache._BACKOFF", 60.0)
    cache.process.send_signal(signal.SIGSTOP)
    try:
        for url in (cache.url, f"unix://{tmp_path}/closed.sock"):
            with opened(url, cache_timeout=0.05) as (answers, counts):
                for _ in range(5):
                    assert answers.find("key", Deadline(None)) is None
                assert counts() == {"hit": 0, "miss": 0, "failed": 3, "skipped": 2}
    finally:
        cache.process.send_signal(signal.SIGCONT)


REPLIES = {
    "a number": b":5\r\n",
    "a list": b"*1\r\n$1\r\na\r\n",
    "a length that is none": b"$abc\r\n",
    "deep lists": b"*1\r\n" * 5000 + b":1\r\n",
    "another protocol": b"HTTP/1.1 400 Bad Request\r\n\r\n",
    "half a reply": b"$100\r\nabc",
}


@contextmanager
def replying(reply: bytes) -> Iterator[str]:
    """A server that sends this to every GET, and OK to other commands; yields its URL."""

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            with suppress(OSError):
                while line := self.rfile.readline():
                    command = [
                        self.rfile.read(int(self.rfile.readline()[1:]) + 2)[:-2]
                        for _ in range(int(line[1:]))
                    ]
                    self.wfile.write(reply if command[0] == b"GET" else b"+OK\r\n")

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        serving = in_background(server.serve_forever)
        yield f"redis://127.0.0.1:{server.server_address[1]}/0"
        server.shutdown()
        serving.result(LIMIT)


@pytest.mark.parametrize("reply", REPLIES.values(), ids=REPLIES)
def test_a_reply_that_is_none_is_a_failure_and_no_error(
    reply: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also of the trial, after which the cache is tried again."""
    monkeypatch.setattr("autoquality_server.rpc.cache._BACKOFF", 0.0)
    with replying(reply) as url, opened(url, cache_timeout=0.2) as (answers, counts):
        for _ in range(5):
            assert answers.find("key", Deadline(None)) is None
        assert counts() == {"hit": 0, "miss": 0, "failed": 5, "skipped": 0}


def test_a_cache_that_refuses_writes_is_still_read(
    cache: RunningRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As Redis does when it is full and may evict nothing."""
    monkeypatch.setattr("autoquality_server.rpc.cache._BACKOFF", 60.0)
    result = encode(PHOTO, "webp", target=0.02)
    cache.client.config_set("maxmemory", 1)
    try:
        with opened(cache.url, cache_timeout=TIMEOUT) as (answers, counts), capture_logs() as lines:
            for at in range(4):
                answers.keep(str(at), result, pb.EncodeResponse())
            until(lambda: lines, reason="the pause of writes")
            assert answers.find("key", Deadline(None)) is None
            assert counts() == {"hit": 0, "miss": 1, "failed": 0, "skipped": 0}
    finally:
        cache.client.config_set("maxmemory", 0)
    assert [(line["event"], line["operation"]) for line in lines] == [
        ("the cache is left out for a while", "write")
    ]


def test_a_cache_that_answers_again_is_used_again(
    cache: RunningRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The log has one line when the cache is left out, and one when it answers again."""
    monkeypatch.setattr("autoquality_server.rpc.cache._BACKOFF", 0.0)
    with opened(cache.url, cache_timeout=TIMEOUT) as (answers, counts), capture_logs() as lines:
        cache.client.set("key", b"no answer")
        for _ in range(3):
            answers.find("key", Deadline(None))
        cache.client.delete("key")
        for _ in range(2):
            answers.find("key", Deadline(None))
        assert counts() == {"hit": 0, "miss": 2, "failed": 3, "skipped": 0}
    assert [(line["log_level"], line["event"]) for line in lines] == [
        ("warning", "the cache is left out for a while"),
        ("info", "the cache answers again"),
    ]


def test_a_cache_needs_its_package_and_a_url_of_redis(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match="must be a URL such as redis://HOST:6379/0"):
        load({}, {"AUTOQUALITY_CACHE_URL": "http://localhost"})
    with (
        pytest.raises(ConfigError, match=r"AUTOQUALITY_CACHE_URL: .*integer"),
        opened("redis://:x"),
    ):
        pass
    for option, wrong in (("foo=1", "'foo'"), ("decode_responses=true", "decode_responses")):
        with (
            pytest.raises(ConfigError, match=f"AUTOQUALITY_CACHE_URL: .*{wrong}"),
            opened(f"redis://a?{option}"),
        ):
            pass
    monkeypatch.setitem(sys.modules, "redis", None)
    with (
        pytest.raises(ConfigError, match=r"pip install 'autoquality\[cache\]'"),
        opened("redis://a"),
    ):
        pass


def test_the_doctor_asks_the_cache(
    cache: RunningRedis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert list(check_cache(Settings())) == []
    (found,) = check_cache(Settings(cache_url=cache.url, cache_timeout=TIMEOUT))
    assert (found.part, found.verdict) == ("cache", report.Verdict.OK)
    assert f"{cache.url} answers in" in found.text
    (found,) = check_cache(Settings(cache_url=f"unix://:secret@{tmp_path}/closed.sock"))
    assert found.verdict is report.Verdict.WARNING
    assert "requests are served without it" in found.text
    assert "secret" not in found.text
    monkeypatch.setitem(sys.modules, "redis", None)
    (found,) = check_cache(Settings(cache_url=cache.url))
    assert found == report.Finding("cache", report.Verdict.FAILED, found.text)
    assert "pip install" in found.text


def test_a_place_has_no_password() -> None:
    url = "rediss://user:secret@cache.example:6380/2"  # pragma: allowlist secret
    assert place(url) == "rediss://cache.example:6380/2"


def test_an_error_has_its_own_words_unless_it_is_a_timeout() -> None:
    assert describe(TimeoutError("Timeout reading from socket")) == "no answer in time"
    assert describe(ConnectionRefusedError("Error 111")) == "Error 111"
