"""Serves the metrics over HTTP or HTTPS, at /metrics.

prometheus_client's own server loads its certificates once, and a client that sends nothing during
the TLS handshake would block it.
"""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler

from prometheus_client import CollectorRegistry, make_wsgi_app
from prometheus_client.exposition import ThreadingWSGIServer

from autoquality_server.config.address import cannot_listen, parse_tcp
from autoquality_server.telemetry.logs import logger

_SETTING = "AUTOQUALITY_METRICS_LISTEN"
_TIMEOUT = 10.0
"""Seconds for a handshake, and between the bytes of a request."""

_PAUSE = 0.1
"""Seconds until the next try if a connection cannot be accepted, for example without a free file
descriptor. It still waits then, so a loop without a pause would use a whole core."""

_log = logger(__name__)


class _Handler(WSGIRequestHandler):
    timeout = _TIMEOUT

    def log_message(self, format: str, *args: object) -> None:
        """Do not log scrapes: there is one every few seconds."""


class MetricsServer(ThreadingWSGIServer):
    """Serves a registry from construction until `close`.

    Each connection has a thread of its own, including the handshake.
    """

    def __init__(
        self,
        address: str,
        registry: CollectorRegistry,
        context: Callable[[], ssl.SSLContext] | None = None,
    ) -> None:
        """Raises StartError if the server cannot listen on `address`, a host:port.

        `context` returns the TLS context of each connection; without it, serve HTTP.
        """
        self._context = context
        tcp = parse_tcp(address)
        place = (tcp.host, tcp.port)
        try:
            self.address_family = socket.getaddrinfo(*place, type=socket.SOCK_STREAM)[0][0]
            super().__init__(place, _Handler)
        except OSError as error:
            raise cannot_listen(_SETTING, address, error) from None
        self.port = int(self.server_port)
        self.set_app(make_wsgi_app(registry))
        self._thread = threading.Thread(target=self.serve_forever, name="metrics", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self.shutdown()
        self.server_close()
        self._thread.join()

    def get_request(self) -> tuple[Any, Any]:
        try:
            return super().get_request()
        except OSError:
            time.sleep(_PAUSE)
            raise

    def finish_request(self, request: Any, client_address: Any) -> None:
        if self._context is None:
            super().finish_request(request, client_address)
            return
        request.settimeout(_TIMEOUT)
        with self._context().wrap_socket(request, server_side=True) as secured:
            super().finish_request(secured, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A failed handshake, or a client that hung up."""
        _log.debug("a connection to the metrics failed", peer=str(client_address), exc_info=True)
