"""A cache of answers in Redis, or in a server that speaks its protocol.

The key is a hash of the source, the request, and everything on the server that decides the answer:
its version, codecs, networks and settings. So a new release or network serves no old answers.
Authenticated callers do not share answers. Otherwise a fast answer would reveal that another
caller has sent the same image.

The cache fails no request. Each call to it has a time limit. After some failed reads in a row, the
server does not read the cache for a while. The same holds for writes.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from hashlib import sha256
from threading import BoundedSemaphore
from typing import Any, TypeVar
from urllib.parse import urlsplit

from google.protobuf.message import DecodeError
from prometheus_client import Counter

from autoquality._version import __version__
from autoquality.v1 import encoding_pb2 as pb
from autoquality_core.formats import library_versions
from autoquality_core.networks import Predictor
from autoquality_core.pipeline.job import EncodeJob, EncodeResult
from autoquality_core.runtime.deadline import Deadline
from autoquality_core.types import Format, NoticeCode, RawSource
from autoquality_server.config import ConfigError, Settings
from autoquality_server.config.groups.encoders import EncoderSettings
from autoquality_server.config.groups.quality import QualitySettings
from autoquality_server.inference.breaker import CircuitBreaker, Result
from autoquality_server.telemetry.logs import logger
from autoquality_server.telemetry.metrics import Metrics

T = TypeVar("T")

_FAILURES = 3
_BACKOFF = 5.0
"""A circuit opens after this many failures in a row, first for these seconds."""
_THREADS = 8
_WAITING_WRITES = 2 * _THREADS
_GROUPS = (QualitySettings, EncoderSettings)
_DECIDING = (
    *(field.name for group in _GROUPS for field in dataclasses.fields(group)),
    *("advise_dssim", "allow_truncated", "vips_concurrency"),
    *("max_image_bytes", "max_stream_bytes", "max_resolution"),
)
"""The settings that decide an answer, or whether there is one."""

_log = logger(__name__)


class AnswerCache:
    """The cache of a server. Thread-safe."""

    def __init__(
        self, settings: Settings, predictors: Mapping[Format, Predictor], metrics: Metrics
    ) -> None:
        """Connects when it is first used. Raises ConfigError for a wrong URL or without redis."""
        self._redis = connect(settings)
        self._timeout = settings.cache_timeout
        self._ttl = settings.cache_ttl
        self._max_bytes = settings.cache_max_bytes
        self._by_caller = bool(settings.token_file or settings.tls_client_ca)
        self._predictors = predictors
        self._metrics = metrics
        # A full cache, or a replica, refuses writes but still answers.
        self._reads = _Calls("read", metrics.cache_lookups)
        self._writes = _Calls("write", metrics.cache_writes)
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="cache")
        self._room = BoundedSemaphore(_WAITING_WRITES)
        deciding = [(name, getattr(settings, name)) for name in _DECIDING]
        self._server = repr((__version__, library_versions(), deciding))

    def key(self, job: EncodeJob, caller: str) -> str:
        source = job.source
        shape: tuple[int, ...] = ()
        if isinstance(source, RawSource):
            shape, source = (source.width, source.height, source.bands), source.pixels
        infos = {fmt: one.info for fmt, one in self._predictors.items()}  # reloads change them
        networks = [(fmt, one.sha256, one.runtime, one.device) for fmt, one in infos.items()]
        measured = [metric.name for metric in job.measure]
        request = (job.format, job.spec, job.quality, job.options, job.candidates)
        owner = caller if self._by_caller else ""
        rest = repr((self._server, networks, request, measured, shape, owner))
        # A hash of its own: bytes of a source cannot be taken for a part of a request.
        digest = sha256(sha256(rest.encode()).digest())
        digest.update(source)
        return f"autoquality:{digest.hexdigest()}"

    def find(self, key: str, deadline: Deadline) -> pb.EncodeResponse | None:
        """The cached answer. Waits for the time limit of the cache at most."""
        if deadline.remaining() <= self._timeout:
            self._metrics.cache_lookups.labels("skipped").inc()
            return None

        def read() -> pb.EncodeResponse | None:
            future = self._threads.submit(self._redis.get, key)
            try:
                return _answer(future.result(self._timeout))
            finally:
                future.cancel()

        return self._reads.call(read, lambda answer: "miss" if answer is None else "hit")

    def keep(self, key: str, result: EncodeResult, answer: pb.EncodeResponse) -> None:
        """Write an answer in the background, unless a lost network has decided it.

        `answer` may be without its image.
        """
        if not _lasts(result):
            return
        if len(result.image) > self._max_bytes:
            self._metrics.cache_writes.labels("too_large").inc()
        elif not self._room.acquire(blocking=False):
            self._metrics.cache_writes.labels("skipped").inc()
        else:
            entry = pb.EncodeResponse(image=result.image)
            entry.MergeFrom(answer)
            data = entry.SerializeToString()
            self._threads.submit(self._write, key, data).add_done_callback(self._written)

    def close(self) -> None:
        """Close the connections; what is not written is lost."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._redis.close()

    def _write(self, key: str, data: bytes) -> None:
        self._writes.call(lambda: self._redis.set(key, data, ex=self._ttl), lambda _: "stored")

    def _written(self, _: Future[None]) -> None:
        self._room.release()


class _Calls:
    """The reads of a cache, or the writes: counted, and left out for a while after failures."""

    def __init__(self, operation: str, counter: Counter) -> None:
        self._operation = operation
        self._counter = counter
        self._breaker = CircuitBreaker(_FAILURES, _BACKOFF)

    def call(self, work: Callable[[], T], result: Callable[[T], str]) -> T | None:
        """What `work` returns, counted as `result` says. None if it fails or is left out."""
        permit = self._breaker.acquire()
        if permit is None:
            self._counter.labels("skipped").inc()
            return None
        try:
            found = work()
        except Exception as error:  # noqa: BLE001 - redis raises many for replies that are none
            if self._breaker.report(permit, Result.FAILURE):
                about = {"operation": self._operation, "error": describe(error)}
                _log.warning("the cache is left out for a while", **about)
            self._counter.labels("failed").inc()
            return None
        if self._breaker.report(permit, Result.SUCCESS):
            _log.info("the cache answers again", operation=self._operation)
        self._counter.labels(result(found)).inc()
        return found


def connect(settings: Settings) -> Any:
    """A client of the cache, which connects later. Raises ConfigError."""
    try:
        import redis
        from redis.backoff import NoBackoff
        from redis.retry import Retry
    except ImportError:
        raise ConfigError(
            "AUTOQUALITY_CACHE_URL: needs the package redis: pip install 'autoquality[cache]'"
        ) from None
    try:
        client = redis.Redis.from_url(
            settings.cache_url,
            socket_timeout=settings.cache_timeout,
            socket_connect_timeout=settings.cache_timeout,
            retry=Retry(NoBackoff(), 0),
        )
        pool = client.connection_pool
        pool.connection_class(**pool.connection_kwargs)  # checks the options, does not connect
    except (ValueError, TypeError, redis.RedisError) as error:
        raise ConfigError(f"AUTOQUALITY_CACHE_URL: {error}") from None
    if client.get_encoder().decode_responses:
        raise ConfigError("AUTOQUALITY_CACHE_URL: must not set decode_responses")
    return client


def place(url: str) -> str:
    """Where a cache is: its URL without a password."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def describe(error: Exception) -> str:
    """An error of the cache for people."""
    return "no answer in time" if isinstance(error, TimeoutError) else str(error)


def _answer(data: bytes | None) -> pb.EncodeResponse | None:
    """Raises DecodeError or TypeError for what is no whole answer."""
    if data is None:
        return None
    answer = pb.EncodeResponse.FromString(data)
    if not answer.image or len(answer.image) != answer.size_bytes:
        raise DecodeError("the entry is not an answer")
    return answer


def _lasts(result: EncodeResult) -> bool:
    """Whether the same request would have the same answer at any time."""
    return all(one.code is not NoticeCode.NETWORK_UNAVAILABLE for one in result.notices)
