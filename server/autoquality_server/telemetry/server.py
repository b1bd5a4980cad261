"""The metrics over HTTP or HTTPS, at /metrics."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from prometheus_client import CollectorRegistry, make_wsgi_app

from autoquality_server.config.address import cannot_listen, parse_tcp
from autoquality_server.telemetry.logs import logger

_SETTING = "AUTOQUALITY_METRICS_LISTEN"
_PATIENCE = 10.0
"""Seconds for a handshake, and between the bytes of a request."""

_log = logger(__name__)


class MetricsServer:
    """Serves a registry from construction until `close`."""

    def __init__(
        self,
        address: str,
        registry: CollectorRegistry,
        contexts: Callable[[], ssl.SSLContext] | None = None,
    ) -> None:
        """Raises StartError if nobody can listen on `address`, a host:port.

        With `contexts`, which gives that of each connection, it serves HTTPS.
        """
        tcp = parse_tcp(address)
        try:
            self._server = _Server((tcp.host, tcp.port), contexts)
        except OSError as error:
            raise cannot_listen(_SETTING, address, error) from None
        self._server.set_app(make_wsgi_app(registry))
        self._thread = threading.Thread(
            target=self._server.serve_forever, name="metrics", daemon=True
        )
        self._thread.start()

    @property
    def port(self) -> int:
        return int(self._server.server_port)

    def close(self) -> None:
        """Stop serving and free the port."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Handler(WSGIRequestHandler):
    timeout = _PATIENCE

    def log_message(self, format: str, *args: object) -> None:
        """A scrape every few seconds is nobody's news."""


class _Server(ThreadingMixIn, WSGIServer):
    """A thread a connection, in which its handshake is too: a silent one holds up no other."""

    daemon_threads = True

    def __init__(
        self, address: tuple[str, int], contexts: Callable[[], ssl.SSLContext] | None
    ) -> None:
        self.address_family = socket.getaddrinfo(*address, type=socket.SOCK_STREAM)[0][0]
        self._contexts = contexts
        super().__init__(address, _Handler)

    def finish_request(self, request: Any, client_address: Any) -> None:
        if self._contexts is None:
            super().finish_request(request, client_address)
            return
        request.settimeout(_PATIENCE)
        with self._contexts().wrap_socket(request, server_side=True) as secured:
            super().finish_request(secured, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A handshake that failed, or whoever hung up."""
        _log.debug("a connection to the metrics failed", peer=str(client_address), exc_info=True)
