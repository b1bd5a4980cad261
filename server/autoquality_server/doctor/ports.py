"""Whether the server could listen where it is to."""

from __future__ import annotations

from collections.abc import Iterator

from autoquality_server.config import Settings
from autoquality_server.config.address import parse_tcp
from autoquality_server.doctor.finding import Finding, Verdict
from autoquality_server.listening import StartError, check_free


def look(settings: Settings) -> Iterator[Finding]:
    """The address of gRPC and that of the metrics."""
    yield _free("gRPC", "AUTOQUALITY_LISTEN", settings.listen)
    if not settings.metrics_listen:
        yield Finding("metrics", Verdict.OK, "served nowhere")
    elif _same(settings.listen, settings.metrics_listen):
        text = f"AUTOQUALITY_METRICS_LISTEN: {settings.metrics_listen} is gRPC's address"
        yield Finding("metrics", Verdict.FAILED, text)
    else:
        yield _free("metrics", "AUTOQUALITY_METRICS_LISTEN", settings.metrics_listen)


def _free(part: str, setting: str, address: str) -> Finding:
    try:
        check_free(setting, address)
    except StartError as error:
        return Finding(part, Verdict.FAILED, str(error))
    return Finding(part, Verdict.OK, f"{address} is free")


def _same(grpc: str, metrics: str) -> bool:
    """Whether both are one port, which is then taken; port 0 is a new one each time."""
    if grpc.startswith("unix:"):
        return False
    one, other = parse_tcp(grpc), parse_tcp(metrics)
    every = {"::", "0.0.0.0"}  # noqa: S104 - compared with, not listened on
    overlap = one.host == other.host or bool({one.host, other.host} & every)
    return one.port == other.port != 0 and overlap
