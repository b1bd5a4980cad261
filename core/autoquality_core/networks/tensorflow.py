"""Imports TensorFlow late and without its log output, opens sessions, and looks for a GPU."""

from __future__ import annotations

import ctypes
import importlib.util
import logging
import os
import re
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

_DRIVER = "libcuda.so.1"
_STDERR = 2
_import_lock = threading.Lock()
# TensorFlow's C++ libraries print this while they load, before they read
# TF_CPP_MIN_LOG_LEVEL: notices such as I0000 ..., and a warning about them.
_NOTICES = re.compile(rb"^(WARNING: All log messages before absl::InitializeLog|[IWE]\d{4} )")


@cache
def has_gpu() -> bool:
    """Whether NVIDIA's driver has a GPU for this process, and TensorFlow is installed.

    Asks the driver, because importing TensorFlow for the answer takes seconds.
    """
    try:
        driver = ctypes.CDLL(_DRIVER)
    except OSError:
        return False
    count = ctypes.c_int(0)
    found = driver.cuInit(0) == 0 and driver.cuDeviceGetCount(ctypes.byref(count)) == 0
    return found and count.value > 0 and importlib.util.find_spec("tensorflow") is not None


def tensorflow() -> Any:
    """The TensorFlow module, imported on the first call. Raises ImportError."""
    with _import_lock:
        if "tensorflow" not in sys.modules:
            _import_quietly()
        import tensorflow as tf
    return tf


def _import_quietly() -> None:
    """Import TensorFlow with its log off: real problems raise exceptions."""
    if "TF_CPP_MIN_LOG_LEVEL" in os.environ:  # the operator has chosen a level
        return
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    with without_notices():
        import tensorflow as tf
    tf.get_logger().setLevel(logging.ERROR)


def open_session(tf: Any, graph: Any, *, threads: int, on_gpu: bool) -> Any:
    """A session over `graph` that uses up to `threads` threads for one operation.

    Many threads may share it. Operations run in the thread that calls it (because
    of the negative inter-op count). With `on_gpu` they use a GPU if TensorFlow
    sees one, and allocate its memory as needed, not all at once.
    """
    config = tf.compat.v1.ConfigProto(
        intra_op_parallelism_threads=threads,
        inter_op_parallelism_threads=-1,
        allow_soft_placement=True,
        device_count={} if on_gpu else {"GPU": 0},
    )
    config.gpu_options.allow_growth = True
    return tf.compat.v1.Session(graph=graph, config=config)


def device_of(session: Any) -> str:
    """The device of a session: "GPU:0" if it has one, else "CPU:0"."""
    kinds = {device.device_type for device in session.list_devices()}
    return "GPU:0" if "GPU" in kinds else "CPU:0"


@contextmanager
def without_notices() -> Iterator[None]:
    """Buffer writes to file descriptor 2, then pass on all but the notices."""
    with tempfile.TemporaryFile() as buffer:
        real = os.dup(_STDERR)
        os.dup2(buffer.fileno(), _STDERR)
        try:
            yield
        finally:
            os.dup2(real, _STDERR)
            os.close(real)
            buffer.seek(0)
            for line in buffer:
                if not _NOTICES.match(line):
                    os.write(_STDERR, line)
