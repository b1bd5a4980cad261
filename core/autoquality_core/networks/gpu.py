"""Whether the machine has a GPU that TensorFlow may use."""

from __future__ import annotations

import ctypes
import importlib.util
from functools import cache

_DRIVER = "libcuda.so.1"


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
