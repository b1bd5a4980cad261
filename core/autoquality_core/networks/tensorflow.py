"""TensorFlow: imported late and quietly, and a session that many threads may share."""

from __future__ import annotations

import logging
import os
import re
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_STDERR = 2
_import_lock = threading.Lock()
# What TensorFlow's C++ side prints while its libraries load, before it reads
# TF_CPP_MIN_LOG_LEVEL: the notices I0000 ..., and a warning about the notices.
_CHATTER = re.compile(rb"^(WARNING: All log messages before absl::InitializeLog|[IWE]\d{4} )")


def tensorflow() -> Any:
    """The TensorFlow module, imported on the first call. Raises ImportError."""
    with _import_lock:
        if "tensorflow" not in sys.modules:
            _import_quietly()
        import tensorflow as tf
    return tf


def _import_quietly() -> None:
    """Import TensorFlow with its logs off: what matters reaches us as exceptions."""
    if "TF_CPP_MIN_LOG_LEVEL" in os.environ:  # An operator wants to hear it.
        return
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    with without_chatter():
        import tensorflow as tf
    tf.get_logger().setLevel(logging.ERROR)


def open_session(tf: Any, graph: Any, *, threads: int, on_gpu: bool) -> Any:
    """A session over `graph`, whose `run` uses up to `threads` threads an operation.

    Operations run in the thread that calls `run` (a negative inter-op count
    means just that). With `on_gpu` they use a GPU where TensorFlow sees one;
    its memory is taken as needed, not all at once.
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
    """Where the session computes: "GPU:0" if it has one, else "CPU:0"."""
    kinds = {device.device_type for device in session.list_devices()}
    return "GPU:0" if "GPU" in kinds else "CPU:0"


@contextmanager
def without_chatter() -> Iterator[None]:
    """Hold back what goes to file descriptor 2, then pass on all but the chatter."""
    with tempfile.TemporaryFile() as held_back:
        real = os.dup(_STDERR)
        os.dup2(held_back.fileno(), _STDERR)
        try:
            yield
        finally:
            os.dup2(real, _STDERR)
            os.close(real)
            held_back.seek(0)
            for line in held_back:
                if not _CHATTER.match(line):
                    os.write(_STDERR, line)
