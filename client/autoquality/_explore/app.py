"""The web application behind the page: static files, the server's abilities, and encodings."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import anyio.to_thread
import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from autoquality._client import Client
from autoquality._errors import AutoQualityError
from autoquality._explore.events import describe, encoding_lines
from autoquality._explore.form import METHODS, FieldError, encode_options
from autoquality._explore.guard import Guard
from autoquality._explore.snippets import Connection, snippets
from autoquality._request import encode_request

MAX_UPLOAD_BYTES = 64 * 2**20
_STATIC = Path(__file__).with_name("static")


class Application:
    """The routes, and what they share."""

    def __init__(self, connect: Callable[[], Client], connection: Connection) -> None:
        """Each encoding has a client of `connect`. gRPC shares their connection to the server."""
        self._connect = connect
        self._client = connect()
        self._connection = connection

    def build(self, hosts: frozenset[str], started: Callable[[], object]) -> ASGIApp:
        """Return the application. It answers only requests to one of `hosts` (name:port).

        Calls `started` once, before the first request.
        """

        @contextlib.asynccontextmanager
        async def lifespan(_app: Starlette) -> AsyncIterator[None]:
            started()
            yield
            self._client.close()

        routes = [
            Route("/", self._page),
            Route("/api/server", self._server),
            Route("/api/encode", self._encode, methods=["POST"]),
            Mount("/static", StaticFiles(directory=_STATIC)),
        ]
        return Guard(Starlette(routes=routes, lifespan=lifespan), hosts)

    async def _page(self, _request: Request) -> Response:
        return FileResponse(_STATIC / "index.html")

    async def _server(self, _request: Request) -> Response:
        """What the form offers. It has an `error` if the server gives no answer."""
        fields: dict[str, Any] = {
            "address": self._connection.server,
            "methods": METHODS,
            "max_upload_bytes": MAX_UPLOAD_BYTES,
        }
        try:
            info = await run_in_threadpool(self._client.info, timeout=10)
        except AutoQualityError as error:
            return JSONResponse({**fields, "error": describe(error, self._connection.server)})
        formats = [
            {"name": format.format, "has_quality": format.has_quality} for format in info.formats
        ]
        return JSONResponse({**fields, "version": info.version, "formats": formats})

    async def _encode(self, request: Request) -> Response:
        """Encode the body. The fields of the form are in the query."""
        try:
            options = encode_options(request.query_params)
        except FieldError as error:
            return _refusal(400, str(error), error.field)
        image = await _body(request)
        if image is None:
            limit = MAX_UPLOAD_BYTES // 2**20
            return _refusal(413, f"The image is larger than {limit} MiB.", "image")
        name = request.query_params.get("name") or "image"
        code = snippets(encode_request(options), name, self._connection)
        client = self._connect()
        events = client.encode_stream(image, **options)
        lines = encoding_lines(events, code, self._connection.server)
        return StreamingResponse(_closing(client, lines), media_type="application/x-ndjson")


def _refusal(status: int, message: str, field: str) -> Response:
    return JSONResponse({"error": {"message": message, "field": field}}, status)


async def _body(request: Request) -> bytes | None:
    """Return the body, or None if it is over the limit. Never holds more than the limit."""
    with contextlib.suppress(ValueError):
        if int(request.headers.get("content-length", "")) > MAX_UPLOAD_BYTES:
            return None
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_UPLOAD_BYTES:
            return None
    return bytes(body)


async def _closing(client: Client, lines: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Yield from an iterator that blocks in calls of `client`, and close the client.

    If the browser goes away, this ends the call at once, and its place in the server's queue is
    free again. The abandoned thread then sees the end of the call.
    """
    try:
        while line := await anyio.to_thread.run_sync(next, lines, b"", abandon_on_cancel=True):
            yield line
    finally:
        client.close()


def serve(
    connect: Callable[[], Client],
    server: str,
    options: Mapping[str, Any],
    listener: socket.socket,
    report: Callable[[str], object],
) -> None:
    """Serve the page on `listener`, and `report` its address. Returns after Ctrl-C.

    `options` are the arguments of the clients that `connect` makes, for the snippets.
    """
    connection = Connection(
        server=server,
        tls=bool(options["tls"]),
        token=options["token"] is not None,
        server_name=options["server_name"],
        **{name: options[name] and str(options[name]) for name in ("ca", "cert", "key")},
    )
    hosts = _hosts(listener)
    config = uvicorn.Config(
        Application(connect, connection).build(
            frozenset(hosts),
            # From this moment on, uvicorn handles Ctrl-C.
            lambda: report(f"AutoQuality explore at http://{hosts[0]}/ (Ctrl-C ends it)"),
        ),
        log_level="warning",
        access_log=False,
        lifespan="on",
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=1,
    )
    with contextlib.suppress(KeyboardInterrupt):
        uvicorn.Server(config).run(sockets=[listener])


def _hosts(listener: socket.socket) -> list[str]:
    """Return the values of the header Host that mean `listener`. The first is for the URL."""
    address, port = listener.getsockname()[:2]
    names = [f"[{address}]" if ":" in address else address]
    if ipaddress.ip_address(address).is_loopback:
        names.append("localhost")
    # Browsers leave out HTTP's own port.
    return names if port == 80 else [f"{name}:{port}" for name in names]
