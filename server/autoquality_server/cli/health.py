"""`autoquality-server health`: checks whether a server on this machine is serving.

For the health checks of containers and services. It needs no certificate and no token, as it uses
the separate address for health checks.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace

from autoquality import AutoQualityError, Client
from autoquality_server.config import ConfigError, Settings, load
from autoquality_server.config.address import parse_tcp
from autoquality_server.config.command_line import HEALTH, PROGRAM, parse_command_line

_TIMEOUT_SECONDS = 4.0


def run(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    """Check the server; returns 0 if it is serving, 1 if not, 2 if a setting is wrong."""
    try:
        command = parse_command_line(arguments, HEALTH)
        target = _target(load(command.flags, environ).settings)
    except ConfigError as error:
        for line in error.lines:
            sys.stderr.write(f"{PROGRAM} {HEALTH}: error: {line}\n")
        return 2
    # A container may have a proxy in its environment, which is for other machines.
    why = "cannot be reached without TLS, or answers otherwise"
    with Client(target, retries=0, channel_options=[("grpc.enable_http_proxy", 0)]) as client:
        try:
            serving = client.health(timeout=_TIMEOUT_SECONDS)
        except AutoQualityError as error:  # of another service
            serving, why = False, f"answers {error.code.name}: {error}"
    sys.stdout.write("SERVING\n" if serving else "NOT SERVING\n")
    if serving:
        return 0
    sys.stderr.write(f"{PROGRAM} {HEALTH}: {target} {why}\n")
    return 1


def _target(settings: Settings) -> str:
    """Return the address to check. Raises ConfigError if it requires a certificate or a token."""
    listen = settings.health_listen
    if not listen:
        if settings.tls_cert or (settings.token_file and not settings.open_health):
            raise ConfigError(
                "AUTOQUALITY_HEALTH_LISTEN: must be set if health checks require TLS or a token"
            )
        listen = settings.listen
    if listen.startswith("unix:"):
        return listen
    tcp = parse_tcp(listen)
    return str(replace(tcp, host="127.0.0.1") if tcp.is_every_interface else tcp)
