"""What the machine, or the container, gives the server."""

from __future__ import annotations

import os
import resource
import tempfile
from collections.abc import Iterator, Mapping

from autoquality_core.runtime.allocator import arenas
from autoquality_server.cli.doctor.finding import Finding, Verdict
from autoquality_server.cli.doctor.units import in_units
from autoquality_server.config import Settings
from autoquality_server.config.cores import available_cores
from autoquality_server.config.memory import BYTES_A_PIXEL, available_memory

AT_REST = 256 * 2**20
WITH_NETWORKS = 768 * 2**20
"""What TensorFlow and networks take beyond that. Both by `python -m bench.sizing`, rounded up."""

SUPERVISOR = 64 * 2**20
"""What the supervisor of several processes takes, which loads none of that."""

_MANY_ARENAS = 8
_FEW_FILES = 1024
"""What most systems give, and enough for some hundreds of connections."""


def look(settings: Settings, environ: Mapping[str, str]) -> Iterator[Finding]:
    """Cores, memory, allocator, open files, temporary files."""
    yield _cores(settings)
    yield _memory(settings)
    yield _allocator(environ)
    yield _files()
    yield _temporary()


def _cores(settings: Settings) -> Finding:
    cores = available_cores()
    workers = settings.processes * settings.workers
    text = f"{cores} for this process, {workers} workers"
    if settings.processes > 1:
        text = f"{cores} for {settings.processes} processes, {workers} workers in all"
    if workers > cores:
        more = "more workers than cores make requests wait for one another, not finish sooner"
        return Finding("cores", Verdict.WARNING, f"{text}: {more}")
    return Finding("cores", Verdict.OK, text)


def most_memory(settings: Settings) -> int:
    """Bytes that the server may need while as much runs as ever may."""
    pixels = min(settings.workers * settings.max_pixels, settings.max_pixels_in_flight)
    images = max(pixels, settings.max_pixels) * BYTES_A_PIXEL
    each = AT_REST + (WITH_NETWORKS if settings.networks else 0) + images
    if settings.processes == 1:
        return each
    return SUPERVISOR + settings.processes * each


def _memory(settings: Settings) -> Finding:
    limit, most = available_memory(), most_memory(settings)
    who = "this process" if settings.processes == 1 else f"{settings.processes} processes"
    text = f"{in_units(limit)} for {who}, up to {in_units(most)} needed"
    if most > limit:
        text += ": lower AUTOQUALITY_MAX_RESOLUTION or AUTOQUALITY_MAX_RESOLUTION_IN_FLIGHT"
        text += ", or AUTOQUALITY_PROCESSES" if settings.processes > 1 else ""
        return Finding("memory", Verdict.WARNING, text)
    return Finding("memory", Verdict.OK, text)


def _allocator(environ: Mapping[str, str]) -> Finding:
    count = arenas(environ)
    if count is None:
        return Finding("allocator", Verdict.OK, "not glibc's: its arenas are its own business")
    text = f"glibc with {count} arenas"
    if count > _MANY_ARENAS:
        text += " (MALLOC_ARENA_MAX): memory may grow to twice what is needed; 2 are enough"
        return Finding("allocator", Verdict.WARNING, text)
    return Finding("allocator", Verdict.OK, text)


def _files() -> Finding:
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if limit == resource.RLIM_INFINITY:
        return Finding("open files", Verdict.OK, "no limit")
    verdict = Verdict.WARNING if limit < _FEW_FILES else Verdict.OK
    few = ": each connection takes one" if limit < _FEW_FILES else ""
    return Finding("open files", verdict, f"{limit} at most{few}")


def _temporary() -> Finding:
    try:
        with tempfile.TemporaryFile() as file:
            file.write(b"0")
    except OSError as error:
        why = os.strerror(error.errno or 0).lower()
        text = f"no folder for temporary files can be written to ({why}): set TMPDIR"
        return Finding("temporary files", Verdict.FAILED, text)
    return Finding("temporary files", Verdict.OK, f"in {tempfile.gettempdir()}")
