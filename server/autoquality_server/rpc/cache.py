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
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from hashlib import sha256
from threading import BoundedSemaphore
from typing import Any
from urllib.parse import urlsplit

from google.protobuf.message import DecodeError

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
from autoquality_server.inference.breaker import CircuitBreaker, Permit, Result
from autoquality_server.telemetry.logs import logger
from autoquality_server.telemetry.metrics import Metrics

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
        self._reading = CircuitBreaker(_FAILURES, _BACKOFF)
        self._writing = CircuitBreaker(_FAILURES, _BACKOFF)
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="cache")
        self._writes = BoundedSemaphore(_WAITING_WRITES)
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
        has_time = deadline.remaining() > self._timeout
        permit = self._reading.acquire() if has_time else None
        if permit is None:
            self._metrics.cache_lookups.labels("skipped").inc()
            return None
        future = self._threads.submit(self._redis.get, key)
        try:
            answer = _answer(future.result(self._timeout))
        except Exception as error:  # noqa: BLE001 - redis raises many for replies that are none
            future.cancel()
            self._report(self._reading, permit, error)
            self._metrics.cache_lookups.labels("failed").inc()
            return None
        self._report(self._reading, permit, None)
        self._metrics.cache_lookups.labels("miss" if answer is None else "hit").inc()
        return answer

    def keep(self, key: str, result: EncodeResult, answer: pb.EncodeResponse) -> None:
        """Write an answer in the background, unless a lost network has decided it.

        `answer` may be without its image.
        """
        if not _lasts(result):
            return
        if len(result.image) > self._max_bytes:
            self._metrics.cache_writes.labels("too_large").inc()
        elif not self._writes.acquire(blocking=False):
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
        permit = self._writing.acquire()
        if permit is None:
            self._metrics.cache_writes.labels("skipped").inc()
            return
        try:
            self._redis.set(key, data, ex=self._ttl)
        except Exception as error:  # noqa: BLE001 - as above
            self._report(self._writing, permit, error)
            self._metrics.cache_writes.labels("failed").inc()
        else:
            self._report(self._writing, permit, None)
            self._metrics.cache_writes.labels("stored").inc()

    def _written(self, _: Future[None]) -> None:
        self._writes.release()

    def _report(self, breaker: CircuitBreaker, permit: Permit, error: Exception | None) -> None:
        changed = breaker.report(permit, Result.FAILURE if error else Result.SUCCESS)
        operation = "read" if breaker is self._reading else "write"
        if changed and error:
            failed = describe(error)
            _log.warning("the cache is left out for a while", operation=operation, error=failed)
        elif changed:
            _log.info("the cache answers again", operation=operation)


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
