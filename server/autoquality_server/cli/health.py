"""`autoquality-server health`: asks a server of this machine whether it serves.

For what starts containers and services: it needs no certificate and no token,
because it asks where health checks alone are answered.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence

from autoquality import Client
from autoquality._version import __version__
from autoquality_server.config import ConfigError, Settings, load
from autoquality_server.config.address import parse_tcp
from autoquality_server.config.flags import HEALTH, PROGRAM, parse_health

_SECONDS = 4.0
_EVERY_INTERFACE = ("0.0.0.0", "::")  # noqa: S104 - compared with, not listened on


def run(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    """Ask; 0 it serves, 1 it does not, 2 a setting is wrong. `arguments` come after "health"."""
    try:
        settings = load(parse_health(arguments, __version__), environ).settings
        target = _target(settings)
    except ConfigError as error:
        sys.stderr.write(f"{PROGRAM} {HEALTH}: error: {error}\n")
        return 2
    # A proxy is for other machines, and containers are handed the settings of one.
    with Client(target, retries=0, channel_options=[("grpc.enable_http_proxy", 0)]) as client:
        serves = client.health(timeout=_SECONDS)
    sys.stdout.write("SERVING\n" if serves else "NOT SERVING\n")
    return 0 if serves else 1


def _target(settings: Settings) -> str:
    """Where to ask. Raises ConfigError if it would take a certificate or a token."""
    listen = settings.health_listen
    if not listen:
        if settings.tls_cert or (settings.token_file and not settings.open_health):
            raise ConfigError(
                "AUTOQUALITY_HEALTH_LISTEN: must be set where health checks want TLS or a token"
            )
        listen = settings.listen
    if listen.startswith("unix:"):
        return listen
    tcp = parse_tcp(listen)
    host = "127.0.0.1" if tcp.host in _EVERY_INTERFACE else tcp.host
    return f"[{host}]:{tcp.port}" if ":" in host else f"{host}:{tcp.port}"
