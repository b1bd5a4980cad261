"""One call, unary or streamed: its attempts, its request id, its errors."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import EllipsisType
from typing import Generic, TypedDict, TypeVar

import grpc
from google.protobuf.message import Message

from autoquality._errors import (
    REQUEST_ID_KEY,
    AutoQualityError,
    CancelledError,
    error_from,
    trailing_metadata,
)
from autoquality._retry import RETRIED, Patience
from autoquality._trace import trace_context

_Request = TypeVar("_Request", bound=Message)
_Response = TypeVar("_Response", bound=Message)

Metadata = tuple[tuple[str, str | bytes], ...]


@dataclass(frozen=True, slots=True)
class Reply(Generic[_Response]):
    """The answer, and what the server's log calls the request."""

    message: _Response
    request_id: str


class CallOptions(TypedDict):
    """What every call is told besides its request; `timeout` is for all attempts together."""

    timeout: float | None
    metadata: Metadata
    request_id: str


class Caller:
    """Makes calls until it is closed; thread-safe."""

    def __init__(
        self, channel: grpc.Channel, retries: int, timeout: float | None, metadata: Metadata
    ) -> None:
        """`timeout` is for calls that are given none, `metadata` goes with every call."""
        self._channel = channel
        self._retries = retries
        self._timeout = timeout
        self._metadata = metadata
        self._closed = threading.Event()

    def close(self) -> None:
        """Make no more calls, and wake those that wait for their next attempt."""
        self._closed.set()

    def options(
        self,
        timeout: float | EllipsisType | None,
        request_id: str | None,
        metadata: Sequence[tuple[str, str | bytes]],
    ) -> CallOptions:
        """What a call is told, a request id included. Raises ValueError for a wrong one."""
        if request_id and not (request_id.isascii() and request_id.isprintable()):
            raise ValueError(f"request_id must be printable ASCII, not {request_id!r}")
        return {
            "timeout": self._timeout if isinstance(timeout, EllipsisType) else timeout,
            "metadata": (*self._metadata, *metadata),
            "request_id": request_id or uuid.uuid4().hex,
        }

    def call(
        self,
        method: grpc.UnaryUnaryMultiCallable[_Request, _Response],
        request: _Request,
        *,
        timeout: float | None,
        metadata: Metadata,
        request_id: str,
        wait_for_ready: bool = False,
    ) -> Reply[_Response]:
        """Call `method`; all attempts together take at most `timeout` seconds.

        Raises AutoQualityError, and RuntimeError once closed.
        """
        patience = Patience(self._channel, self._closed, self._retries, timeout, request_id)
        metadata = (*metadata, *trace_context(metadata), (REQUEST_ID_KEY, request_id))
        while True:
            try:
                return self._attempt(
                    method, request, patience.left, metadata, request_id, wait_for_ready
                )
            except RETRIED as error:
                _check_unanswered(error, _has_answered(error.__cause__))
                patience.wait_after(error)

    def stream(
        self,
        method: grpc.StreamStreamMultiCallable[_Request, _Response],
        requests: Iterable[_Request],
        is_answer: Callable[[_Response], bool],
        *,
        timeout: float | None,
        metadata: Metadata,
        request_id: str,
    ) -> Generator[_Response, None, str]:
        """As `call`, with what `requests` gives anew for each attempt; returns the request's id.

        What was answered before an attempt failed is answered again by the next.
        `is_answer` says of a message whether the work is done and the answer begins.
        """
        patience = Patience(self._channel, self._closed, self._retries, timeout, request_id)
        metadata = (*metadata, *trace_context(metadata), (REQUEST_ID_KEY, request_id))
        while True:
            answered = False
            try:
                with self._begun(request_id):
                    call = method(iter(requests), timeout=patience.left, metadata=metadata)
                try:
                    for message in call:
                        answered = answered or is_answer(message)
                        yield message
                except grpc.RpcError as failure:
                    raise error_from(failure, request_id) from failure
                finally:
                    call.cancel()
                return str(trailing_metadata(call).get(REQUEST_ID_KEY) or request_id)
            except RETRIED as error:
                _check_unanswered(error, answered)
                patience.wait_after(error)

    def _attempt(
        self,
        method: grpc.UnaryUnaryMultiCallable[_Request, _Response],
        request: _Request,
        timeout: float | None,
        metadata: Metadata,
        request_id: str,
        wait_for_ready: bool,
    ) -> Reply[_Response]:
        with self._begun(request_id):
            # Not a blocking call: that could not be cancelled by Ctrl-C, and
            # the server would go on working for nobody.
            call = method.future(
                request, timeout=timeout, metadata=metadata, wait_for_ready=wait_for_ready
            )
        try:
            message = call.result()
        except grpc.RpcError as failure:
            raise error_from(failure, request_id) from failure
        except BaseException:
            call.cancel()
            raise
        told = trailing_metadata(call).get(REQUEST_ID_KEY)
        return Reply(message, str(told or request_id))

    @contextmanager
    def _begun(self, request_id: str) -> Iterator[None]:
        """Begin a call in the body. Raises AutoQualityError, RuntimeError once closed."""
        if self._closed.is_set():
            raise RuntimeError("the client is closed")
        try:
            yield
        except grpc.RpcError as failure:
            raise error_from(failure, request_id) from failure
        except ValueError:
            # The channel was closed since the check above.
            if self._closed.is_set():
                raise RuntimeError("the client is closed") from None
            raise


def _has_answered(failure: object) -> bool:
    """Whether the server had an answer to a unary call: only then it sends initial metadata."""
    if not isinstance(failure, grpc.Call):
        return False
    return any(key == REQUEST_ID_KEY for key, _ in failure.initial_metadata() or ())


def _check_unanswered(error: AutoQualityError, answered: bool) -> None:
    """Raise `error` if the server cancelled the call while it sent the answer.

    That is what it does with an answer that is taken too slowly; the next one would be no faster.
    """
    if answered and isinstance(error, CancelledError):
        raise CancelledError(
            "the server ended the call while it sent the answer: it was taken too slowly",
            code=error.code,
            request_id=error.request_id,
            details=error.details,
        ) from error.__cause__
