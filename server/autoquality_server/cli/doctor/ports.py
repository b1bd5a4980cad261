"""Whether the server could listen where it is to."""

from __future__ import annotations

from collections.abc import Iterator

from autoquality_server.cli.doctor.finding import Finding, Verdict
from autoquality_server.config import Settings
from autoquality_server.config.address import parse_tcp
from autoquality_server.config.listening import StartError, check_free


def look(settings: Settings) -> Iterator[Finding]:
    """The address of gRPC, and those of health checks alone and of the metrics."""
    yield _free("gRPC", "AUTOQUALITY_LISTEN", settings.listen)
    taken = {"gRPC": settings.listen}
    if settings.health_listen:
        yield _beside(taken, "health", "AUTOQUALITY_HEALTH_LISTEN", settings.health_listen)
    if settings.metrics_listen:
        yield _beside(taken, "metrics", "AUTOQUALITY_METRICS_LISTEN", settings.metrics_listen)
    else:
        yield Finding("metrics", Verdict.OK, "served nowhere")


def _beside(taken: dict[str, str], part: str, setting: str, address: str) -> Finding:
    for other, its in taken.items():
        if _same(its, address):
            return Finding(part, Verdict.FAILED, f"{setting}: {address} is {other}'s address")
    taken[part] = address
    return _free(part, setting, address)


def _free(part: str, setting: str, address: str) -> Finding:
    try:
        check_free(setting, address)
    except StartError as error:
        return Finding(part, Verdict.FAILED, str(error))
    return Finding(part, Verdict.OK, f"{address} is free")


def _same(first: str, second: str) -> bool:
    """Whether both are one port, which is then taken; port 0 is a new one each time."""
    if first.startswith("unix:") or second.startswith("unix:"):
        return first == second
    one, other = parse_tcp(first), parse_tcp(second)
    every = {"::", "0.0.0.0"}  # noqa: S104 - compared with, not listened on
    overlap = one.host == other.host or bool({one.host, other.host} & every)
    return one.port == other.port != 0 and overlap
