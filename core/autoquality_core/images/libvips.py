"""libvips and OpenCV made fit for a server that decodes what strangers send.

Runs when `autoquality_core.images` is imported, so that it cannot be
forgotten; whoever wants other numbers of threads calls `configure` again.
"""

from __future__ import annotations

import logging
import os

# Read by libvips once, while it starts: its warnings about odd files must not
# reach stderr even while the process ends and pyvips no longer catches them.
os.environ.setdefault("VIPS_WARNING", "0")

import cv2
import pyvips

_log = logging.getLogger(__name__)


def configure(concurrency: int = 1) -> None:
    """Set libvips and OpenCV up for the whole process; may be called again.

    `concurrency` is the number of threads (1 or more) that one operation on
    one image may use. The bytes of an AVIF depend on it (the encoder cuts the
    image into as many tiles), those of other formats do not.
    """
    # A cache of operations would hold decoded images of earlier requests.
    pyvips.cache_set_max(0)
    pyvips.concurrency_set(concurrency)
    cv2.setNumThreads(concurrency)
    # What it would write to stderr about a damaged file, it tells by returning None as well.
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    pyvips.block_untrusted_set(True)
    # At DEBUG pyvips logs the arguments and results of every operation: whole images.
    logging.getLogger("pyvips").setLevel(logging.INFO)
    pyvips.logger.addFilter(_demote)  # does nothing if it is there already


def _demote(record: logging.LogRecord) -> bool:
    """Turn what libvips says about odd files, which is no concern of ours, into debug lines."""
    if record.levelno <= logging.DEBUG:
        return True
    _log.debug("%s", record.getMessage())
    return False


configure()
