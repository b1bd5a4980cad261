"""Checks the resources of the machine, or of the container."""

from __future__ import annotations

import os
import resource
import tempfile
from collections.abc import Iterator, Mapping

from autoquality_core.runtime.allocator import arenas
from autoquality_server.cli.doctor.report import Finding, Verdict, in_units
from autoquality_server.config import Settings
from autoquality_server.config.resources import BYTES_A_PIXEL, available_cores, available_memory

AT_REST = 256 * 2**20
WITH_NETWORKS = 32 * 2**20
WITH_TENSORFLOW = 768 * 2**20
"""Additional bytes for the bundled networks on a CPU, and for networks that TensorFlow may run. All
are measured with `python -m bench.sizing` and rounded up."""

SUPERVISOR = 64 * 2**20
"""Bytes for the supervisor of several processes, which loads no libraries for images."""

_MANY_ARENAS = 8
_FEW_FILES = 1024
"""The limit on most systems, enough for some hundreds of connections."""


def check_machine(settings: Settings, environ: Mapping[str, str]) -> Iterator[Finding]:
    """Check cores, memory, allocator, open files and temporary files."""
    yield _cores(settings)
    yield _memory(settings)
    yield _allocator(environ)
    yield _files()
    yield _temporary()


def most_memory(settings: Settings) -> int:
    """Return the bytes that the server may need at full load."""
    pixels = min(settings.workers * settings.max_pixels, settings.max_pixels_in_flight)
    images = max(pixels, settings.max_pixels) * BYTES_A_PIXEL
    each = AT_REST + _of_networks(settings) + images
    if settings.processes == 1:
        return each
    return SUPERVISOR + settings.processes * each


def _of_networks(settings: Settings) -> int:
    if not settings.networks:
        return 0
    return WITH_NETWORKS if settings.needs_only_numpy else WITH_TENSORFLOW


def _cores(settings: Settings) -> Finding:
    cores = available_cores()
    workers = settings.processes * settings.workers
    text = f"{cores} for this process, {workers} workers"
    if settings.processes > 1:
        text = f"{cores} for {settings.processes} processes, {workers} workers in total"
    if workers > cores:
        more = "more workers than cores slow each request down and increase no throughput"
        return Finding("cores", Verdict.WARNING, f"{text}: {more}")
    return Finding("cores", Verdict.OK, text)


def _memory(settings: Settings) -> Finding:
    limit, most = available_memory(), most_memory(settings)
    scope = "this process" if settings.processes == 1 else f"{settings.processes} processes"
    text = f"{in_units(limit)} for {scope}, at most {in_units(most)} needed"
    if most > limit:
        text += ": lower AUTOQUALITY_MAX_RESOLUTION or AUTOQUALITY_MAX_RESOLUTION_IN_FLIGHT"
        text += ", or AUTOQUALITY_PROCESSES" if settings.processes > 1 else ""
        return Finding("memory", Verdict.WARNING, text)
    return Finding("memory", Verdict.OK, text)


def _allocator(environ: Mapping[str, str]) -> Finding:
    count = arenas(environ)
    if count is None:
        return Finding("allocator", Verdict.OK, "not glibc's: its arenas are not checked")
    text = f"glibc with {count} arenas"
    if count > _MANY_ARENAS:
        text += " (MALLOC_ARENA_MAX): memory may grow to twice the need; 2 are enough"
        return Finding("allocator", Verdict.WARNING, text)
    return Finding("allocator", Verdict.OK, text)


def _files() -> Finding:
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if limit == resource.RLIM_INFINITY:
        return Finding("open files", Verdict.OK, "no limit")
    verdict = Verdict.WARNING if limit < _FEW_FILES else Verdict.OK
    few = ": each connection needs one" if limit < _FEW_FILES else ""
    return Finding("open files", verdict, f"at most {limit}{few}")


def _temporary() -> Finding:
    try:
        with tempfile.TemporaryFile() as file:
            file.write(b"0")
    except OSError as error:
        why = os.strerror(error.errno or 0).lower()
        text = f"no folder for temporary files is writable ({why}): set TMPDIR"
        return Finding("temporary files", Verdict.FAILED, text)
    return Finding("temporary files", Verdict.OK, f"in {tempfile.gettempdir()}")
