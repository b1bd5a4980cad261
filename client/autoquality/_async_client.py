"""The client for asyncio: `async with AsyncClient("host:50051") as client: ...`."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from types import EllipsisType
from typing import TYPE_CHECKING, Any, Self, Unpack

import grpc

from autoquality import _convert, _schema, _stream
from autoquality._async_call import AsyncCaller
from autoquality._base_client import HEALTH_POLL_SECONDS, STREAM_ABOVE, BaseClient, checked
from autoquality._call import CallOptions
from autoquality._channel import Endpoint
from autoquality._errors import AutoQualityError, DeadlineExceededError, UnavailableError
from autoquality._options import EncodeOptions
from autoquality._request import encode_request
from autoquality._results import Comparison, Encoded, Progress, ServerInfo
from autoquality._source import ImageFile, ImageSource, read_image, source_of
from autoquality.v1 import encoding_pb2 as pb
from autoquality.v1.encoding_pb2_grpc import EncodingServiceStub

if TYPE_CHECKING:
    from autoquality.v1.encoding_pb2_grpc import EncodingServiceAsyncStub


class AsyncClient(BaseClient):
    """A connection to an AutoQuality service, for asyncio.

    It has the methods, arguments, retries and errors of `Client`. The methods are coroutines,
    and `encode_stream` is an asynchronous generator. One client is enough for all tasks of an
    event loop. It connects when first used, and belongs to the event loop of its first call, so
    it may be made before the loop runs. Close it, or use it with `async with`.

    Cancelling the task cancels the call, also on the server. Files are read in threads.

        import asyncio

        from autoquality import AsyncClient

        async def main() -> None:
            async with AsyncClient("localhost:50051") as client:
                encoded = await client.encode("photo.jpg", format="webp", target="high")
                print(encoded.quality, encoded.size_bytes, encoded.outcome)

        asyncio.run(main())
    """

    def _set_up(self, server: Endpoint) -> None:
        self._caller = AsyncCaller(server)

    async def close(self) -> None:
        """Close the connection. Running calls raise CancelledError of this package."""
        await self._caller.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def encode(
        self,
        image: ImageSource,
        *,
        timeout: float | EllipsisType | None = ...,
        request_id: str | None = None,
        metadata: Sequence[tuple[str, str | bytes]] = (),
        progress: Callable[[Progress], object] | None = None,
        stream_above: int | None = STREAM_ABOVE,
        **options: Unpack[EncodeOptions],
    ) -> Encoded:
        """Encode an image like `Client.encode`. `progress` may be a coroutine function."""
        call_options = self._options(timeout, request_id, metadata)
        request = encode_request(options)
        source = await asyncio.to_thread(source_of, image)
        if progress is not None or (stream_above is not None and source.size > stream_above):
            stub = self._stub().EncodeStream
            events = _stream.encode_async(self._caller, stub, request, source, call_options)
            try:
                return await _stream.async_result_of(events, progress)
            except AutoQualityError as error:
                # An older server without streams may accept the source as one message.
                if progress is not None or error.code is not grpc.StatusCode.UNIMPLEMENTED:
                    raise
        await asyncio.to_thread(source.put_into, request)
        answer = await self._caller.call(self._stub().Encode, request, call_options)
        return _convert.encoded_from(*answer)

    def encode_stream(
        self,
        image: ImageSource,
        *,
        timeout: float | EllipsisType | None = ...,
        request_id: str | None = None,
        metadata: Sequence[tuple[str, str | bytes]] = (),
        **options: Unpack[EncodeOptions],
    ) -> AsyncGenerator[Progress | Encoded, None]:
        """Encode like `encode`, in a stream: yield each `Progress`, then the `Encoded`.

        Like `Client.encode_stream`, but `image` is opened when the iteration begins, so OSError is
        raised there. Closing the generator cancels the call. After an early end of the
        loop, close it with `contextlib.aclosing` or `aclose()`.
        """
        call_options = self._options(timeout, request_id, metadata)
        return self._encode_stream(image, encode_request(options), call_options)

    async def _encode_stream(
        self, image: ImageSource, request: pb.EncodeRequest, options: CallOptions
    ) -> AsyncGenerator[Progress | Encoded, None]:
        source = await asyncio.to_thread(source_of, image)
        method = self._stub().EncodeStream
        events = _stream.encode_async(self._caller, method, request, source, options)
        async with aclosing(events):
            async for event in events:
                yield event

    async def compare(
        self,
        reference: ImageFile,
        distorted: ImageFile,
        *,
        timeout: float | EllipsisType | None = ...,
        request_id: str | None = None,
        metadata: Sequence[tuple[str, str | bytes]] = (),
    ) -> Comparison:
        """Measure how two image files differ, like `Client.compare`."""
        options = self._options(timeout, request_id, metadata)
        request = pb.CompareRequest(
            reference=await asyncio.to_thread(read_image, reference),
            distorted=await asyncio.to_thread(read_image, distorted),
        )
        answer = await self._caller.call(self._stub().Compare, request, options)
        return _convert.comparison_from(*answer)

    async def info(self, *, timeout: float | EllipsisType | None = ...) -> ServerInfo:
        """Return the server's formats, defaults, limits and networks. Raises AutoQualityError."""
        request = pb.GetServerInfoRequest()
        answer, _ = await self._caller.call(
            self._stub().GetServerInfo, request, self._options(timeout)
        )
        return _convert.info_from(answer)

    async def health(
        self, service: str = "", *, timeout: float | EllipsisType | None = ...
    ) -> bool:
        """Return whether the standard health check says SERVING, like `Client.health`."""
        try:
            return await self._check_health(service, timeout)
        except (UnavailableError, DeadlineExceededError):
            return False

    async def wait_ready(self, timeout: float | None = 30.0) -> None:
        """Wait until the server can be reached and says SERVING, like `Client.wait_ready`."""
        checked(timeout)
        end = None if timeout is None else time.monotonic() + timeout
        while not await self._is_ready(  # noqa: ASYNC110 (a server sends no event)
            None if end is None else max(0.0, end - time.monotonic())
        ):
            await asyncio.sleep(HEALTH_POLL_SECONDS)

    async def _is_ready(self, timeout: float | None) -> bool:
        try:
            return await self._check_health("", timeout, wait_for_ready=True)
        except UnavailableError:
            return False  # the server went away before it answered
        except DeadlineExceededError as error:
            explained = await asyncio.to_thread(self._caller.peer.diagnose, error)
            raise explained from error.__cause__

    async def _check_health(
        self,
        service: str,
        timeout: float | EllipsisType | None,
        *,
        wait_for_ready: bool = False,
    ) -> bool:
        method: Any = _schema.health_check(self._caller.channel())
        options, request = self._options(timeout), _schema.HealthCheckRequest(service=service)
        answer, _ = await self._caller.call(method, request, options, wait_for_ready=wait_for_ready)
        return bool(answer.status == _schema.SERVING)

    def _stub(self) -> EncodingServiceAsyncStub:
        return EncodingServiceStub(self._caller.channel())
