"""Checks whether the cache of answers can be reached."""

from __future__ import annotations

import time
from collections.abc import Iterator

from autoquality_server.cli.doctor.finding import Finding, Verdict
from autoquality_server.config import ConfigError, Settings
from autoquality_server.rpc.cache import connect, describe, place


def check_cache(settings: Settings) -> Iterator[Finding]:
    """Ask the cache for an answer, if there is one."""
    if not settings.cache_url:
        return
    where = place(settings.cache_url)
    try:
        client, errors = connect(settings)
    except ConfigError as error:
        yield Finding("cache", Verdict.FAILED, str(error))
        return
    try:
        client.ping()  # connects
        start = time.perf_counter()
        client.ping()
        seconds = time.perf_counter() - start
    except errors as error:
        text = f"{where} is not usable ({describe(error)}): requests are served without it"
        yield Finding("cache", Verdict.WARNING, text)
    else:
        yield Finding("cache", Verdict.OK, f"{where} answers in {seconds * 1e3:.2g} ms")
    finally:
        client.close()
