"""Serving the page until a signal ends it."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
from collections.abc import Callable, Mapping
from typing import Any

import uvicorn

from autoquality._client import Client
from autoquality._explore.app import Application
from autoquality._explore.connection import Connection


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
