"""The client: `with Client("host:50051") as client: client.encode("photo.jpg")`."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Sequence
from types import EllipsisType
from typing import Self, Unpack

import grpc

from autoquality import _convert, _schema, _stream
from autoquality._base_client import HEALTH_POLL_SECONDS, STREAM_ABOVE, BaseClient, checked
from autoquality._call import Caller
from autoquality._channel import Endpoint
from autoquality._errors import AutoQualityError, DeadlineExceededError, UnavailableError
from autoquality._options import EncodeOptions
from autoquality._request import encode_request
from autoquality._results import Comparison, Encoded, Progress, ServerInfo
from autoquality._source import ImageFile, ImageSource, read_image, source_of
from autoquality.v1 import encoding_pb2 as pb
from autoquality.v1.encoding_pb2_grpc import EncodingServiceStub


class Client(BaseClient):
    """A connection to an AutoQuality service.

    Thread-safe: one client is enough for a whole program. It connects when first used. Close
    it, or use it as a context manager. `AsyncClient` is the same for asyncio.

    Every call has these arguments:

    - `timeout`: seconds for the call with all its retries. None has no limit, and `...` means
      the client's timeout.
    - `request_id`: the request's id in the server's log. Default: a new one.
    - `metadata`: more gRPC metadata.
    """

    def _set_up(self, server: Endpoint) -> None:
        self._channel: grpc.Channel = server.open()
        self._stub = EncodingServiceStub(self._channel)
        self._health = _schema.health_check(self._channel)
        self._caller = Caller(self._channel, server.peer)

    def close(self) -> None:
        """Close the connection. Running calls raise CancelledError."""
        self._caller.close()
        self._channel.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def encode(
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
        """Encode an image at the best quality for its target.

        `image` is an image file or a `RawImage`. A file is given as its bytes, its path, or an
        open binary file, which is read from its position to its end. The server has defaults
        for all options:

        - `format`: a `Format` or its name, such as "webp" or "jpg". Default: the source's format.
        - `candidates`: several formats instead, such as ["avif", "webp", "jpeg"]: the smallest
          file that meets the target, or for "size" the best SSIMULACRA2 within the budget.
        - `accept`: the candidates as an Accept header ("image/avif,image/webp,*/*;q=0.8"). A
          wildcard stands for JPEG and PNG.
        - `auto_quality`: how to choose the quality, as an `AutoQuality` or in imgproxy's
          notation ("dssim:0.02:70:80:0.001"). Or give its parts: `method` ("none", "size",
          "dssim", "ssimulacra2" or "ml"), `target` (bytes for "size", otherwise a score),
          `min_quality` and `max_quality` (1 to 100), `allowed_error` (for "size" the share of
          the target that may stay unused), `metric` (for "ml"). Set `min_quality` and
          `max_quality` with "size", "dssim" and "ml": normally they are only 70 and 80.
          The target may be a word for a SSIMULACRA2 score: "low", "medium", "high",
          "very_high", "excellent" or "visually_lossless". Without a method, a word implies
          "ssimulacra2", a number of bytes with a unit ("20kB") "size", and a number from 0 to 1
          "dssim".
        - `max_bytes` (a number, or a text such as "100kB"), `max_dssim`, `min_ssimulacra2` (a
          score or a word): limits that hold together with the target.
        - `quality`: 1 to 100, for method "none". Alone, it implies that method.
        - `jpeg`, `webp` and so on: options of one format. The other formats ignore them.
        - `background`: "#rrggbb", white by default. It replaces transparency in formats
          without alpha.
        - `keep_metadata`: keep EXIF, XMP and IPTC.
        - `keep_copyright`: keep the copyright and the author (normally on).
        - `color_profile`: "srgb" converts the colours, "keep" keeps the source's profile.
        - `keep_hidden_colors`: keep the colours of fully transparent pixels.
        - `measure`: metrics to measure with every method, such as ("dssim", "ssimulacra2").
        - `measure_dssim`: the same as "dssim" in `measure`.
        - `allow_truncated`: encode the readable part of a truncated or damaged JPEG or PNG. A
          notice reports it.
        - `keep_smaller_source`: return the source itself if it shows the same image in the same
          format and is not larger than the encoding. The outcome is SOURCE_KEPT.
        - `cap_at_source`: never encode a JPEG at a higher quality than its own.
        - `may_shrink`: with method "size", reduce the image in pixels if no quality fits. A notice
          reports it, and `Encoded.width` and `height` are those of the smaller image. `min_width`
          is the least width in pixels.

        The source is streamed, as by `encode_stream`, if it has more than `stream_above` bytes,
        or if `progress` is given. `progress` is called with each `Progress`. With None as
        `stream_above`, the size does not matter.

        Raises AutoQualityError for a failed call, ValueError for arguments that contradict each
        other, do not exist or are out of range, OSError for a path that cannot be read.
        """
        source, request = source_of(image), encode_request(options)
        call_options = self._options(timeout, request_id, metadata)
        if progress is not None or (stream_above is not None and source.size > stream_above):
            stub = self._stub.EncodeStream
            events = _stream.encode(self._caller, stub, request, source, call_options)
            try:
                return _stream.result_of(events, progress)
            except AutoQualityError as error:
                # An older server without streams may accept the source as one message.
                if progress is not None or error.code is not grpc.StatusCode.UNIMPLEMENTED:
                    raise
        source.put_into(request)
        answer = self._caller.call(self._stub.Encode, request, call_options)
        return _convert.encoded_from(*answer)

    def encode_stream(
        self,
        image: ImageSource,
        *,
        timeout: float | EllipsisType | None = ...,
        request_id: str | None = None,
        metadata: Sequence[tuple[str, str | bytes]] = (),
        **options: Unpack[EncodeOptions],
    ) -> Generator[Progress | Encoded, None, None]:
        """Encode like `encode`, in a stream: yield each `Progress`, then the `Encoded`.

        A path is read while it is sent, and is never in memory as a whole. After a retry, the
        progress starts again. Closing the generator cancels the call.

        Raises the errors of `encode`: those of the arguments at once, the others during the
        iteration.
        """
        return _stream.encode(
            self._caller,
            self._stub.EncodeStream,
            encode_request(options),
            source_of(image),
            self._options(timeout, request_id, metadata),
        )

    def compare(
        self,
        reference: ImageFile,
        distorted: ImageFile,
        *,
        timeout: float | EllipsisType | None = ...,
        request_id: str | None = None,
        metadata: Sequence[tuple[str, str | bytes]] = (),
    ) -> Comparison:
        """Measure how two image files of equal size in pixels differ.

        Two animations are compared by time. A still image is compared with every frame of an
        animation. Raises the errors of `encode`.
        """
        request = pb.CompareRequest(
            reference=read_image(reference), distorted=read_image(distorted)
        )
        options = self._options(timeout, request_id, metadata)
        answer = self._caller.call(self._stub.Compare, request, options)
        return _convert.comparison_from(*answer)

    def info(self, *, timeout: float | EllipsisType | None = ...) -> ServerInfo:
        """Return the server's formats, defaults, limits and networks. Raises AutoQualityError."""
        request = pb.GetServerInfoRequest()
        answer, _ = self._caller.call(self._stub.GetServerInfo, request, self._options(timeout))
        return _convert.info_from(answer)

    def health(self, service: str = "", *, timeout: float | EllipsisType | None = ...) -> bool:
        """Return whether the standard health check says SERVING.

        `service` is a name such as "autoquality.v1.EncodingService". Empty means the whole
        server. False if the server cannot be reached in time. Raises AutoQualityError for any
        other failure, such as a server without a health check.
        """
        try:
            return self._check_health(service, timeout)
        except (UnavailableError, DeadlineExceededError):
            return False

    def wait_ready(self, timeout: float | None = 30.0) -> None:
        """Wait until the server can be reached and its health check says SERVING.

        Raises DeadlineExceededError after `timeout` seconds (None has no limit), with the cause
        if the connection fails, and the errors of `health`.
        """
        checked(timeout)
        end = None if timeout is None else time.monotonic() + timeout
        while not self._is_ready(None if end is None else max(0.0, end - time.monotonic())):
            time.sleep(HEALTH_POLL_SECONDS)

    def _is_ready(self, timeout: float | None) -> bool:
        try:
            return self._check_health("", timeout, wait_for_ready=True)
        except UnavailableError:
            return False  # the server went away before it answered
        except DeadlineExceededError as error:
            raise self._caller.peer.diagnose(error) from error.__cause__

    def _check_health(
        self,
        service: str,
        timeout: float | EllipsisType | None,
        *,
        wait_for_ready: bool = False,
    ) -> bool:
        options, request = self._options(timeout), _schema.HealthCheckRequest(service=service)
        answer, _ = self._caller.call(self._health, request, options, wait_for_ready=wait_for_ready)
        return bool(answer.status == _schema.SERVING)
