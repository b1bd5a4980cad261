"""Where and how long the server serves."""

from __future__ import annotations

from dataclasses import dataclass

from autoquality_server.config import parse
from autoquality_server.config.address import health_address, listen_address, metrics_address
from autoquality_server.config.spec import setting

_SERVE = "Serving"


@dataclass(frozen=True)
class ServingSettings:
    """Addresses, side services, drain and connections."""

    # fmt: off
    env_file: str = setting(
        "", group=_SERVE, parse=str, aliases=("IMGPROXY_ENV_LOCAL_FILE_PATH",),
        meaning="File of VARIABLE=value lines to read; the real environment wins over it.")
    listen: str = setting(
        "127.0.0.1:50051", group=_SERVE, parse=listen_address,
        meaning="Where gRPC is served: host:port, :port for every interface, or unix:/path.")
    health_listen: str = setting(
        "", group=_SERVE, parse=health_address,
        meaning="Where health checks alone are answered, in the clear: host:port or unix:/path.")
    metrics_listen: str = setting(
        "127.0.0.1:9464", group=_SERVE, parse=metrics_address, empty_is_value=True,
        meaning="Where Prometheus metrics are served over HTTP: host:port; empty or off: nowhere.")
    reflection: bool = setting(
        True, group=_SERVE, parse=parse.boolean,
        meaning="Serve gRPC reflection, so that grpcurl needs no schema.")
    channelz: bool = setting(
        False, group=_SERVE, parse=parse.boolean,
        meaning="Serve channelz: live facts about connections, for debugging.")
    drain_timeout: float = setting(
        30.0, group=_SERVE, parse=parse.number(0, 86400, "seconds from 0 to 86400"),
        meaning="Seconds that accepted requests get to finish after SIGTERM.")
    max_connection_age: float = setting(
        0.0, group=_SERVE, parse=parse.number(0, 86400, "seconds from 0 to 86400"),
        meaning="Seconds after which a connection is closed, so that clients look for new servers; "
        "0: never.")
    max_connection_age_grace: float = setting(
        60.0, group=_SERVE, parse=parse.number(1, 86400, "seconds from 1 to 86400"),
        meaning="Seconds that the requests of a connection so closed get to finish.")
    # fmt: on
