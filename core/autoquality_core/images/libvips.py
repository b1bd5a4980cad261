"""libvips: its settings, and its errors for lack of memory."""

from __future__ import annotations

import logging
import os
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from autoquality_core.runtime.codecs import pyvips

_log = logging.getLogger(__name__)

_configured = threading.Event()
_configuring = threading.Lock()
_user: int | None = None
"""The process that uses libvips."""

# The messages of libvips, libpng, libjpeg, libwebp, libheif, libavif and aom. libheif reports lack
# of memory as (6.0), and a file that exceeds its own limits as (6.1000). "failed to allocate
# memory for ..." and "out of memory reading of ..." of libtiff are not among them: libtiff says so
# of empty tables, and of tags with more values than the file has room for.
_OUT_OF_MEMORY = re.compile(
    r"out of memory(?! reading of)|insufficient memory|failed to allocate \d+ bytes|\(6\.0\)"
    r"|av1_create_context_and_bufferpool\(\) failed|aom_codec_encode\(\) failed: memory allocation",
    re.IGNORECASE,
)


def configure(concurrency: int = 1) -> None:
    """Set up libvips for the whole process; may be called again.

    `concurrency` is the number of threads (1 or more) that one operation on one
    image may use. It changes the bytes of an AVIF, because the encoder cuts the
    image into as many tiles; other formats do not depend on it.

    The settings hold before this package decodes anything: it calls this
    function itself, with the default, unless the program has done so.

    libvips also reads the environment variable VIPS_WARNING, once, while pyvips
    is imported. A program that must never write to stderr sets it to "0" first;
    otherwise warnings about damaged files can appear while the process ends.
    """
    with _configuring:
        _apply(concurrency)


def ensure_configured() -> None:
    """Call `configure` unless that has been done."""
    if not _configured.is_set():
        with _configuring:
            if not _configured.is_set():
                _apply(concurrency=1)


def refuse_forks() -> None:
    """Raise RuntimeError in a fork of a process that has called this.

    libvips would wait there without an end, for threads that only the parent has.
    """
    global _user  # noqa: PLW0603 (one for each process)
    if _user not in {None, os.getpid()}:
        raise RuntimeError(
            "autoquality_core cannot work in a fork of a process that has used it: start processes"
            " by multiprocessing.get_context('spawn')"
        )
    _user = os.getpid()


def _apply(concurrency: int) -> None:
    # Security: no loaders that libvips does not consider safe for untrusted files.
    pyvips.block_untrusted_set(True)
    # Privacy and memory: a cache of operations would keep images of earlier requests.
    pyvips.cache_set_max(0)
    # Reproducible bytes, and threads left to other images.
    pyvips.concurrency_set(concurrency)
    # Privacy: at DEBUG, pyvips logs the arguments and results of operations: whole images.
    logging.getLogger("pyvips").setLevel(logging.INFO)
    # Damaged files are the caller's business: errors report them, logs and stderr do not.
    pyvips.logger.addFilter(_demote)  # has no effect the second time
    _tolerate_torn_errors()
    _configured.set()


def _tolerate_torn_errors() -> None:
    """Read libvips' errors without raising UnicodeDecodeError.

    All threads share their buffer, and pyvips reads it even if nothing failed: to clear it whenever
    it looks up an operation. Another thread may write to it meanwhile.
    """
    module: Any = pyvips.error
    read = module._to_string  # noqa: SLF001 (pyvips has no public way)
    if read.__module__ == __name__:
        return

    def tolerant(text: Any) -> str:
        try:
            return str(read(text))
        except UnicodeDecodeError:
            return "unknown error: another thread changed it"

    module._to_string = tolerant  # noqa: SLF001


@contextmanager
def allocation_failures() -> Iterator[None]:
    """Raise MemoryError if the body fails because a library could not allocate memory."""
    try:
        yield
    except (pyvips.Error, RuntimeError) as error:  # of imagecodecs, too
        if _OUT_OF_MEMORY.search(str(error)) is None:
            raise
        pyvips.vips_lib.vips_error_clear()
        raise MemoryError("a codec could not allocate memory") from error


def _demote(record: logging.LogRecord) -> bool:
    """Turn warnings of libvips into debug messages of our own."""
    if record.levelno <= logging.DEBUG:
        return True
    _log.debug("%s", record.getMessage())
    return False
