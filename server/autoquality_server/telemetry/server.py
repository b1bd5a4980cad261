"""The metrics over HTTP, at /metrics."""

from __future__ import annotations

import threading
from wsgiref.simple_server import WSGIServer

from prometheus_client import CollectorRegistry, start_http_server

from autoquality_server.config.address import parse_tcp
from autoquality_server.listening import cannot_listen

_SETTING = "AUTOQUALITY_METRICS_LISTEN"


class MetricsServer:
    """Serves a registry from construction until `close`."""

    def __init__(self, address: str, registry: CollectorRegistry) -> None:
        """Raises StartError if nobody can listen on `address`, a host:port."""
        tcp = parse_tcp(address)
        self._server: WSGIServer
        self._thread: threading.Thread
        try:
            self._server, self._thread = start_http_server(tcp.port, tcp.host, registry)
        except OSError as error:
            raise cannot_listen(_SETTING, address, error) from None

    @property
    def port(self) -> int:
        return int(self._server.server_port)

    def close(self) -> None:
        """Stop serving and free the port."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
