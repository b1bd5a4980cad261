"""The client: `with Client("host:50051") as client: client.encode("photo.jpg")`."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Sequence
from types import EllipsisType, TracebackType
from typing import Any, Self, TypeVar, Unpack

import grpc
from google.protobuf.message import Message

from autoquality import _convert, _health, _request, _stream
from autoquality._call import Caller, Metadata, Reply
from autoquality._channel import PEM, open_channel, tls_credentials
from autoquality._enums import ColorProfile, Format, Method
from autoquality._errors import AutoQualityError, DeadlineExceededError, UnavailableError
from autoquality._options import (
    AutoQuality,
    AvifOptions,
    JpegOptions,
    PngOptions,
    WebpOptions,
)
from autoquality._results import Comparison, Encoded, Progress, ServerInfo
from autoquality._retry import RETRIES
from autoquality._source import source_of
from autoquality._token import check_token
from autoquality.v1 import encoding_pb2 as pb
from autoquality.v1.encoding_pb2_grpc import EncodingServiceStub

_Request = TypeVar("_Request", bound=Message)
_Response = TypeVar("_Response", bound=Message)

STREAM_ABOVE = 32 * 2**20
"""Sources of more bytes are sent in chunks: half of what a server takes whole by default."""

_HEALTH_POLL_SECONDS = 0.1


class Client:
    """A connection to an AutoQuality service.

    Thread-safe: one client serves a whole program. It connects when first used
    and must be closed; it is a context manager for that.

    In the methods, `timeout` is how many seconds a call may take with all its
    retries: None for ever, `...` as the client was told. `request_id` is what
    the server's log shall call the request; a fresh one is made without it.
    """

    def __init__(
        self,
        target: str = "localhost:50051",
        *,
        timeout: float | None = 60.0,
        retries: int = RETRIES,
        tls: bool | None = None,
        ca: PEM | None = None,
        cert: PEM | None = None,
        key: PEM | None = None,
        server_name: str | None = None,
        credentials: grpc.ChannelCredentials | None = None,
        token: str | None = None,
        metadata: Sequence[tuple[str, str | bytes]] = (),
        max_message_bytes: int = 256 * 1024 * 1024,
        compression: grpc.Compression | None = None,
        channel_options: Sequence[tuple[str, Any]] = (),
    ) -> None:
        """Prepare the connection; nothing is sent yet.

        `target` is host:port or any gRPC name (`dns:///host:port`,
        `unix:/path`); its addresses are used in turn. `retries` (0 to 8) is how
        often a call is tried again when the server is overloaded and says when
        to come back, or, up to 3 of them, when the server became unavailable.
        The waits between the attempts grow to 4 seconds, or to what the server
        asks for: the default spans the time in which a server that died is
        replaced. What was sent or taken too slowly is not tried again.

        `tls` asks for TLS with the system's authorities; `ca` (other
        authorities), `cert` and `key` (a client certificate) imply it: PEM as
        bytes, or a path. `server_name` is the name that the server's
        certificate must bear, where it is not the target's. `credentials`
        replaces all of these.

        `token` is sent as `authorization: Bearer ...`. Without TLS that is in
        the clear, which is refused beyond this machine unless `tls` is False,
        no TLS asked for by name. `metadata` goes with every call. `max_message_bytes` bounds
        requests and answers. `compression` is of use for bare pixels, not for
        image files. `channel_options` are gRPC's and go before all else.

        Raises ValueError for arguments that contradict each other or would give
        the token away, OSError for a certificate that cannot be read.
        """
        credentials = tls_credentials(credentials, tls, ca=ca, cert=cert, key=key)
        if token is not None:
            check_token(token, target, secured=credentials is not None or tls is False)
        self._channel = open_channel(
            target,
            credentials=credentials,
            server_name=server_name,
            retries=retries,
            max_message_bytes=max_message_bytes,
            compression=compression,
            channel_options=channel_options,
        )
        everywhere: Metadata = tuple(metadata)
        if token is not None:
            everywhere += (("authorization", f"Bearer {token}"),)
        self._stub = EncodingServiceStub(self._channel)
        self._health = _health.check_method(self._channel)
        self._caller = Caller(self._channel, retries, timeout, everywhere)

    def close(self) -> None:
        """Close the connection; calls that run end with CancelledError."""
        self._caller.close()
        self._channel.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def encode(
        self,
        image: _request.ImageSource,
        *,
        format: Format | str | None = None,
        auto_quality: AutoQuality | str | None = None,
        method: Method | str | None = None,
        target: float | None = None,
        min_quality: int | None = None,
        max_quality: int | None = None,
        allowed_error: float | None = None,
        quality: int | None = None,
        jpeg: JpegOptions | None = None,
        webp: WebpOptions | None = None,
        avif: AvifOptions | None = None,
        png: PngOptions | None = None,
        background: str = "",
        keep_metadata: bool = False,
        keep_copyright: bool | None = None,
        color_profile: ColorProfile | str | None = None,
        keep_hidden_colors: bool | None = None,
        measure_dssim: bool = False,
        allow_truncated: bool | None = None,
        timeout: float | EllipsisType | None = ...,
        request_id: str | None = None,
        metadata: Sequence[tuple[str, str | bytes]] = (),
        progress: Callable[[Progress], object] | None = None,
        stream_above: int | None = STREAM_ABOVE,
    ) -> Encoded:
        """Encode one image at the quality that fits the wish best.

        `image` is a whole image file, as its bytes or the path to it, or a
        `RawImage`. `format` is what to write: None keeps the source's.

        The wish is `auto_quality`, an `AutoQuality` or imgproxy's notation
        ("dssim:0.02:70:80:0.001"), or its parts: `method`, `target` (bytes for
        "size", DSSIM for "dssim" and "ml"), `min_quality` and `max_quality` (1
        to 100), `allowed_error`. What is left out is the server's to choose.
        `quality` (1 to 100) is for method "none", which it implies when alone.

        `jpeg`, `webp`, `avif` and `png` say how the format is written; those of
        other formats are ignored. `background` ("#rrggbb", white if empty)
        shows through where the format has no alpha. `keep_metadata` keeps EXIF,
        XMP and IPTC, `keep_copyright` only copyright and author (the server's
        default, normally on). `color_profile` is "srgb" to convert the colours or
        "keep" to keep the source's profile. `keep_hidden_colors` keeps the colours
        of wholly transparent pixels. `measure_dssim` measures also where the method would not.
        `allow_truncated` encodes what there is of a JPEG or PNG that is cut
        off or damaged, and says so in a notice.

        A source of more than `stream_above` bytes (None: none) is streamed, as
        by `encode_stream`, and so is any with `progress`, which is called with
        each step.

        Raises AutoQualityError, see its module for the kinds; ValueError for
        arguments that contradict each other or name nothing, OSError for a path
        that cannot be read.
        """
        options: _request.EncodeOptions = {
            "format": format,
            "auto_quality": auto_quality,
            "method": method,
            "target": target,
            "min_quality": min_quality,
            "max_quality": max_quality,
            "allowed_error": allowed_error,
            "quality": quality,
            "jpeg": jpeg,
            "webp": webp,
            "avif": avif,
            "png": png,
            "background": background,
            "keep_metadata": keep_metadata,
            "keep_copyright": keep_copyright,
            "color_profile": color_profile,
            "keep_hidden_colors": keep_hidden_colors,
            "measure_dssim": measure_dssim,
            "allow_truncated": allow_truncated,
        }
        source, request = source_of(image), _request.encode_request(options)
        if progress is not None or (stream_above is not None and source.size > stream_above):
            settled = self._caller.options(timeout, request_id, metadata)
            events = _stream.encode(self._caller, self._stub.EncodeStream, request, source, settled)
            try:
                return _stream.result_of(events, progress)
            except AutoQualityError as error:
                # A server from before there were streams may take it as one message.
                if progress is not None or error.code is not grpc.StatusCode.UNIMPLEMENTED:
                    raise
        source.put_into(request)
        reply = self._call(self._stub.Encode, request, timeout, request_id, metadata)
        return _convert.encoded_from_proto(reply.message, reply.request_id)

    def encode_stream(
        self,
        image: _request.ImageSource,
        *,
        timeout: float | EllipsisType | None = ...,
        request_id: str | None = None,
        metadata: Sequence[tuple[str, str | bytes]] = (),
        **options: Unpack[_request.EncodeOptions],
    ) -> Generator[Progress | Encoded, None, None]:
        """As `encode`, in messages of moderate size: yields each `Progress`, then the `Encoded`.

        A file is read as it is sent, and never held as a whole. Where a call is
        tried again, progress begins anew. Closing the generator cancels the
        call. Raises as `encode` does: what is no matter of the call at once, the
        rest when iterated over.
        """
        return _stream.encode(
            self._caller,
            self._stub.EncodeStream,
            _request.encode_request(options),
            source_of(image),
            self._caller.options(timeout, request_id, metadata),
        )

    def compare(
        self,
        reference: _convert.ImageFile,
        distorted: _convert.ImageFile,
        *,
        timeout: float | EllipsisType | None = ...,
        request_id: str | None = None,
        metadata: Sequence[tuple[str, str | bytes]] = (),
    ) -> Comparison:
        """Measure the DSSIM between two image files of equal size.

        Animations are compared by time, and a still image with every frame of an
        animation. Each is given as its bytes or the path to it. Raises as `encode` does.
        """
        request = pb.CompareRequest(
            reference=_convert.read_image(reference), distorted=_convert.read_image(distorted)
        )
        reply = self._call(self._stub.Compare, request, timeout, request_id, metadata)
        return _convert.comparison_from_proto(reply.message, reply.request_id)

    def info(self, *, timeout: float | EllipsisType | None = ...) -> ServerInfo:
        """What the server can do: formats, defaults, limits, networks.

        Raises AutoQualityError.
        """
        reply = self._call(self._stub.GetServerInfo, pb.GetServerInfoRequest(), timeout)
        return _convert.info_from_proto(reply.message)

    def health(self, service: str = "", *, timeout: float | EllipsisType | None = ...) -> bool:
        """Whether the server serves, by the standard health check.

        `service` may name one ("autoquality.v1.EncodingService"); empty is the
        server as a whole. A server that cannot be reached in time does not
        serve. Raises AutoQualityError for everything else, such as a server
        without a health check.
        """
        try:
            reply = self._call(self._health, _health.check_request(service), timeout)
        except (UnavailableError, DeadlineExceededError):
            return False
        return _health.is_serving(reply.message)

    def wait_ready(self, timeout: float | None = 30.0) -> None:
        """Wait until the server can be reached and serves.

        Raises DeadlineExceededError after `timeout` seconds (None: never), and
        AutoQualityError as `health` does.
        """
        end = None if timeout is None else time.monotonic() + timeout
        while not self._is_ready(None if end is None else max(0.0, end - time.monotonic())):
            time.sleep(_HEALTH_POLL_SECONDS)

    def _is_ready(self, timeout: float | None) -> bool:
        request = _health.check_request("")
        try:
            reply = self._call(self._health, request, timeout, wait_for_ready=True)
        except UnavailableError:
            return False  # It went away between connecting and answering.
        return _health.is_serving(reply.message)

    def _call(
        self,
        method: grpc.UnaryUnaryMultiCallable[_Request, _Response],
        request: _Request,
        timeout: float | EllipsisType | None,
        request_id: str | None = None,
        metadata: Sequence[tuple[str, str | bytes]] = (),
        *,
        wait_for_ready: bool = False,
    ) -> Reply[_Response]:
        settled = self._caller.options(timeout, request_id, metadata)
        return self._caller.call(method, request, wait_for_ready=wait_for_ready, **settled)
