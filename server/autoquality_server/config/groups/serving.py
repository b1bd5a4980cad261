"""Where the server listens, who may call it, and the logs."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import ClassVar

from autoquality_server.config import parse
from autoquality_server.config.address import health_address, listen_address, metrics_address
from autoquality_server.config.spec import setting


class LogLevel(enum.Enum):
    """The lowest level that is logged."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class LogFormat(enum.Enum):
    """The format of the log's lines."""

    JSON = "json"
    CONSOLE = "console"


@dataclass(frozen=True)
class ServingSettings:
    """Addresses, optional services, drain and connections."""

    GROUP: ClassVar = "Serving"

    # fmt: off
    env_file: str = setting(
        "", "File with lines of VARIABLE=value; variables of the environment win over it.",
        aliases=("IMGPROXY_ENV_LOCAL_FILE_PATH",))
    listen: str = setting(
        "127.0.0.1:50051",
        "Address of the gRPC server: host:port, :port for every interface, or unix:/path.",
        parse=listen_address)
    health_listen: str = setting(
        "", "Separate address for health checks, without TLS and tokens: host:port or unix:/path.",
        parse=health_address)
    metrics_listen: str = setting(
        "127.0.0.1:9464",
        "Address of the Prometheus metrics over HTTP: host:port; empty or off: no metrics.",
        parse=metrics_address, empty_is_value=True)
    reflection: bool = setting(True, "Serve gRPC reflection, so that grpcurl needs no schema.")
    channelz: bool = setting(False, "Serve channelz, which shows live connections for debugging.")
    drain_timeout: float = setting(
        30.0, "Seconds for accepted requests to finish after SIGTERM.",
        parse=parse.seconds(0, 86400))
    max_connection_age: float = setting(
        0.0,
        "Seconds after which the server closes a connection, so that clients find new servers; 0: "
        "never.",
        parse=parse.seconds(0, 86400))
    max_connection_age_grace: float = setting(
        60.0, "Seconds for the requests of such a connection to finish.",
        parse=parse.seconds(1, 86400))
    # fmt: on


@dataclass(frozen=True)
class AccessSettings:
    """TLS, tokens and limits per caller."""

    GROUP: ClassVar = "Access"

    # fmt: off
    tls_cert: str = setting(
        "", "Certificate chain (PEM) to serve with TLS; reloaded when it changes.",
        parse=parse.existing_file)
    tls_key: str = setting("", "Private key (PEM) of the certificate.", parse=parse.existing_file)
    tls_client_ca: str = setting(
        "",
        "Certificate authorities (PEM). If set, clients need a certificate issued by one of them.",
        parse=parse.existing_file)
    metrics_tls: bool = setting(False, "Serve the metrics over HTTPS with the same certificate.")
    metrics_client_ca: str = setting(
        "",
        "Certificate authorities (PEM). If set, clients of the metrics need a certificate issued "
        "by one of them.",
        parse=parse.existing_file)
    token_file: str = setting(
        "",
        "File of bearer tokens, one name:token per line. If set, each call needs one; reloaded "
        "when it changes.",
        parse=parse.existing_file)
    open_health: bool = setting(True, "Answer health checks without a token.")
    client_requests_per_second: float = setting(
        0.0,
        "Limit of requests per second and caller, identified by token, client certificate or "
        "address; 0: no limit.",
        parse=parse.number(0, 1e6, "requests a second, or 0"))
    client_megapixels_per_second: float = setting(
        0.0, "Limit of source megapixels per second and caller; 0: no limit.",
        parse=parse.number(0, 1e6, "megapixels a second, or 0"))
    # fmt: on


@dataclass(frozen=True)
class CacheSettings:
    """The cache of answers."""

    GROUP: ClassVar = "Cache"

    # fmt: off
    cache_url: str = setting(
        "",
        "Redis server that caches answers (extra `[cache]`), such as redis://:PASSWORD@HOST:6379/0 "
        "or rediss:// for TLS; empty: none.",
        parse=parse.redis_url)
    cache_ttl: int = setting(
        86400, "Seconds until a cached answer expires.", parse=parse.whole(1, 315_360_000))
    cache_max_bytes: int = setting(
        2**20, "The largest image that is cached.", parse=parse.size, default_text="1MiB")
    cache_timeout: float = setting(
        0.1, "Seconds that a request waits for the cache at most.", parse=parse.seconds(0.001, 10))
    # fmt: on


@dataclass(frozen=True)
class LogSettings:
    """The log, and traces."""

    GROUP: ClassVar = "Logs and traces"

    # fmt: off
    log_level: LogLevel = setting(
        LogLevel.INFO, "The lowest level to log: debug, info, warning or error.")
    log_format: LogFormat = setting(LogFormat.JSON, "json for programs, console for people.")
    tracing: bool = setting(
        False, "Send OpenTelemetry traces, configured by the OTEL_* variables (extra `[otel]`).")
    # fmt: on
