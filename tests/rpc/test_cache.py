"""The cache of answers, in a real Redis server."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from types import SimpleNamespace
from typing import Any

import grpc
import pytest

from autoquality.v1 import encoding_pb2 as pb
from autoquality_core import encode
from autoquality_core.formats import EncoderOptions
from autoquality_core.networks.prediction import NetworkInfo
from autoquality_core.pipeline.job import EncodeJob
from autoquality_core.pipeline.session import RETURN_SECONDS
from autoquality_core.runtime.deadline import Deadline
from autoquality_core.types import (
    Format,
    Limits,
    Notice,
    NoticeCode,
    RawSource,
    TargetSpec,
)
from autoquality_server.config import Settings
from autoquality_server.process.app import App
from autoquality_server.rpc.cache import AnswerCache, _lasts
from tests.photos import crop, photo
from tests.redis import TIMEOUT, RunningRedis, opened
from tests.rpc.conftest import encoding_stub, scrape
from tests.waiting import LIMIT, until, wait_for

PHOTO = crop("coffee.png", 64, 48)
NO_NETWORKS = {f"{name}_net": "none" for name in ("jpeg", "webp", "avif", "jxl")}


@dataclass
class Caller:
    """A caller with a token, and the counters of the server."""

    app: App
    stub: Any
    token: str

    def encode(self, image: bytes = PHOTO, **fields: Any) -> pb.EncodeResponse:
        fields = {"format": pb.FORMAT_WEBP} | fields
        return self.stub.Encode(pb.EncodeRequest(image=image, **fields), metadata=self.metadata)

    def stream(self, image: bytes = PHOTO, **fields: Any) -> tuple[pb.EncodeResponse, bytes]:
        fields = {"format": pb.FORMAT_WEBP} | fields
        start = pb.EncodeStreamStart(request=pb.EncodeRequest(**fields))
        parts = [pb.EncodeStreamRequest(start=start), pb.EncodeStreamRequest(chunk=image)]
        answers = list(self.stub.EncodeStream(iter(parts), metadata=self.metadata))
        (result,) = [one.result for one in answers if one.HasField("result")]
        return result, b"".join(one.chunk for one in answers)

    @property
    def metadata(self) -> list[tuple[str, str]]:
        return [("authorization", f"Bearer {self.token}")]

    def counts(self, kind: str = "lookups") -> dict[str, float]:
        name = f"autoquality_cache_{kind}_total"
        found = scrape(self.app.metrics_port)
        return {key[len(name) + 9 : -2]: n for key, n in found.items() if key.startswith(name)}

    def change(self, call: Callable[[], object], kind: str = "lookups") -> dict[str, float]:
        """The counters that a call changes. Lets writes of earlier calls end first."""
        before = self.counts(kind)
        call()
        until(lambda: self.counts(kind) != before)
        return {key: n - before[key] for key, n in self.counts(kind).items() if n > before[key]}


@pytest.fixture
def caller(caller_of: Callable[[str], Caller], cache: RunningRedis) -> Caller:
    cache.client.flushall()
    return caller_of("shop")


@pytest.fixture(scope="module")
def caller_of(
    cache: RunningRedis, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str], Caller]]:
    """A server for two callers."""
    tokens = tmp_path_factory.mktemp("tokens") / "tokens"
    tokens.write_text("".join(f"{name}:{name * 8}\n" for name in ("shop", "blog")))
    settings = Settings(
        listen="127.0.0.1:0",
        metrics_listen="127.0.0.1:0",
        token_file=str(tokens),
        cache_url=cache.url,
        cache_timeout=TIMEOUT,
        cache_ttl=1000,
        cache_max_bytes=20_000,
        **NO_NETWORKS,
    )
    app = App(settings)
    app.start()
    with grpc.insecure_channel(f"127.0.0.1:{app.port}") as channel:
        yield lambda name: Caller(app, encoding_stub(channel), name * 8)
    app.drain()


def test_a_repeated_request_is_answered_from_the_cache(caller: Caller) -> None:
    """The answer is the same, but for its timings: only a total."""
    assert caller.change(caller.encode, "writes") == {"stored": 1}
    first = caller.encode()
    assert caller.change(caller.encode) == {"hit": 1}
    assert first.image.startswith(b"RIFF")
    assert first.timings.total.nanos > 0
    assert not first.timings.HasField("encode")
    result, image = caller.stream()
    assert image == first.image
    first.ClearField("image")
    first.ClearField("timings")
    result.ClearField("timings")
    assert result == first


def test_an_answer_of_a_stream_is_cached_too(caller: Caller) -> None:
    assert caller.change(caller.stream, "writes") == {"stored": 1}
    assert caller.change(caller.encode) == {"hit": 1}
    assert caller.encode().image == caller.stream()[1]


def test_another_request_is_not_answered_by_it(caller: Caller) -> None:
    caller.change(caller.encode, "writes")
    others: list[dict[str, Any]] = [
        {"image": crop("coffee.png", 64, 47)},
        {"format": pb.FORMAT_JPEG},
        {"auto_quality": {"target": 0.03}},
        {"webp": {"effort": 1}},
        {"quality": 50},
        {"keep_metadata": True},
        {"measure": [pb.METRIC_SSIMULACRA2]},
    ]
    for other in others:
        assert caller.change(partial(caller.encode, **other)) == {"miss": 1}, other


def test_callers_do_not_share_answers(caller: Caller, caller_of: Callable[[str], Caller]) -> None:
    caller.change(caller.encode, "writes")
    assert caller.change(lambda: caller_of("blog").encode()) == {"miss": 1}


def test_entries_expire(caller: Caller, cache: RunningRedis) -> None:
    caller.change(caller.encode, "writes")
    (key,) = cache.client.keys()
    assert 0 < cache.client.ttl(key) <= 1000


def test_large_answers_are_not_cached(caller: Caller, cache: RunningRedis) -> None:
    large = {"image": photo("coffee.png"), "auto_quality": {"target": 0.001}}
    assert caller.change(lambda: caller.encode(**large), "writes") == {"too_large": 1}
    assert cache.client.keys() == []


def test_a_damaged_entry_is_replaced(caller: Caller, cache: RunningRedis) -> None:
    caller.change(caller.encode, "writes")
    image = caller.encode().image
    (key,) = cache.client.keys()
    whole: Any = cache.client.get(key)
    shorter = pb.EncodeResponse(image=image[1:], size_bytes=len(image)).SerializeToString()
    for damaged in (b"", b"no answer", whole[:-40], shorter):
        cache.client.set(key, damaged)
        failed = caller.counts()["failed"]
        assert caller.change(caller.encode, "writes") == {"stored": 1}
        assert caller.counts()["failed"] == failed + 1
        assert caller.change(caller.encode) == {"hit": 1}
        assert caller.encode().image == image


JOB = EncodeJob(PHOTO, Format.WEBP, TargetSpec(), None, EncoderOptions())


def keep_17(
    answers: AnswerCache, monkeypatch: pytest.MonkeyPatch
) -> tuple[threading.Event, list[str]]:
    """Keep 17 answers. 8 writes begin, and wait for the event. The list gets the written keys."""
    begun, gate, written = threading.Semaphore(0), threading.Event(), list[str]()

    def write(key: str, _: bytes, **__: Any) -> None:
        begun.release()
        wait_for(gate)
        written.append(key)

    monkeypatch.setattr(answers._redis, "set", write)
    result = encode(PHOTO, "webp", target=0.02)
    for at in range(17):
        answers.keep(str(at), result, pb.EncodeResponse())
    assert all(begun.acquire(timeout=LIMIT) for _ in range(8))
    return gate, written


def test_at_most_16_answers_wait_to_be_written(monkeypatch: pytest.MonkeyPatch) -> None:
    with opened("redis://localhost") as (answers, _):
        gate, written = keep_17(answers, monkeypatch)
        gate.set()
        answers._threads.shutdown()
    assert sorted(written, key=int) == [str(at) for at in range(16)]


def test_writes_that_wait_for_a_thread_at_the_end_are_lost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with opened("redis://localhost") as (answers, _):
        gate, written = keep_17(answers, monkeypatch)
        answers.close()
        gate.set()
        answers._threads.shutdown()
    assert len(written) == 8


def test_a_request_without_time_does_not_wait_for_the_cache(cache: RunningRedis) -> None:
    with opened(cache.url, cache_timeout=TIMEOUT) as (answers, counts):
        assert answers.find("key", Deadline(TIMEOUT / 2)) is None
        assert counts()["skipped"] == 1


def test_a_key_stands_for_all_that_decides_the_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    def key(job: EncodeJob = JOB, caller: str = "", **changes: Any) -> str:
        with opened("redis://localhost", **changes) as (answers, _):
            return answers.key(job, caller)

    def network(sha256: str) -> Any:
        info = NetworkInfo("webp.pb", sha256, "CPU:0", runtime="numpy")
        return {Format.WEBP: SimpleNamespace(info=info)}

    usual = key()
    assert usual == key() == key(workers=7, queue_size=3) == key(caller="127.0.0.1")
    raw = [replace(JOB, source=RawSource(w, h, 1, bytes(32))) for w, h in ((4, 8), (8, 4))]
    keys = [
        usual,
        key(replace(JOB, source=PHOTO[:-1])),
        *map(key, raw),
        key(replace(JOB, quality=50)),
        key(replace(JOB, spec=TargetSpec(limits=Limits(1000, {})))),
        key(replace(JOB, candidates=(Format.WEBP, Format.JPEG))),
        key(allow_truncated=True),
        key(target=0.03),
        key(webp_effort=1),
        key(predictors=network("1")),
        key(predictors=network("2")),
    ]
    monkeypatch.setattr("autoquality_server.rpc.cache.__version__", "0.0.1")
    keys.append(key())
    assert len(set(keys)) == len(keys)


class Short(Deadline):
    """Leaves no time for anything but what a request needs."""

    def remaining(self) -> float:
        return RETURN_SECONDS / 2


@pytest.mark.parametrize(
    "fields",
    [
        {"quality": 50, "measure": [pb.METRIC_SSIMULACRA2]},
        {"auto_quality": {"method": pb.METHOD_DSSIM}},
    ],
    ids=["not measured", "not searched"],
)
def test_an_answer_that_the_deadline_decided_is_not_kept(
    caller: Caller, monkeypatch: pytest.MonkeyPatch, fields: dict[str, Any]
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("autoquality_server.rpc.request_context.Deadline", Short)
        hurried = caller.encode(**fields)
    assert caller.change(partial(caller.encode, **fields), "writes") == {"stored": 1}
    kept = caller.encode(**fields)
    assert (kept.size_bytes, kept.ssimulacra2) != (hurried.size_bytes, hurried.ssimulacra2)


def test_an_answer_that_a_lost_network_decided_is_not_kept() -> None:
    result = encode(PHOTO, "webp", target=0.02)
    lost = Notice(NoticeCode.NETWORK_UNAVAILABLE, "the network is not available")
    assert _lasts(result)
    assert not _lasts(replace(result, notices=(lost,)))
