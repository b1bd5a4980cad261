"""How much runs at once, and how large it may be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from autoquality_server.config import parse
from autoquality_server.config.resources import BYTES_A_PIXEL, available_cores, available_memory
from autoquality_server.config.spec import setting

CORES_A_PROCESS = 8
"""The most cores that a process uses by default. Its threads take turns in Python: for a quarter
of the time of a small JPEG without a search, for less of other requests (docs/bench.md has the
curve). But each process takes memory, and a client with one connection uses one process."""

_QUEUE_PER_WORKER = 4
"""The last request in the queue waits for about this many others: within a deadline of a few
seconds. A longer queue would only hold the images of callers that have given up."""

_IMAGES_SHARE = 0.5
"""The share of the memory for images; the rest is for requests that arrive or wait, the networks
and the code."""


@dataclass(frozen=True)
class CapacitySettings:
    """Concurrency, memory, and limits on sources.

    The constructor fills in the defaults that depend on the machine: 0 workers become one per
    core, a negative queue four per worker, 0 megapixels in flight half the memory (but at least
    one image). Several processes share the cores and the memory; each limit is per process.
    `Settings` sets the number of processes before.
    """

    GROUP: ClassVar = "Capacity and limits"

    # fmt: off
    processes: int = setting(
        0,
        "Processes that serve on one port; a crash affects only the requests of one. 0: one per "
        f"{CORES_A_PROCESS} cores, but 1 with a GPU, a network of your own, a Unix socket, a limit "
        "per process, or little memory.",
        parse=parse.whole(0, 256), default_text=f"one per {CORES_A_PROCESS} cores")
    hung_grace: float = setting(
        300.0,
        "Seconds that a request may run on after its deadline, or after its caller left, until its "
        "process ends as hung; 0: no limit.",
        parse=parse.seconds(0, 86400))
    workers: int = setting(
        0,
        "Requests that a process runs at the same time; 0: one per core, divided among the "
        "processes.",
        parse=parse.whole(0, 4096), default_text="one per core")
    queue_size: int = setting(
        -1, "Requests that may wait for a worker; more are rejected with RESOURCE_EXHAUSTED.",
        parse=parse.whole(0, 65536), default_text=f"{_QUEUE_PER_WORKER} per worker")
    parallel_probes: bool = setting(
        False,
        "Try two qualities of an image at the same time while a worker is idle: faster answers for "
        "more CPU time.")
    upload_timeout: float = setting(
        60.0, "Seconds to set up a connection, and to receive a request; 0: no limit.",
        parse=parse.seconds(0, 86400))
    download_timeout: float = setting(
        60.0,
        "Seconds for the caller to receive an answer, or each message of a stream; 0: no limit.",
        parse=parse.seconds(0, 86400))
    max_image_bytes: int = setting(
        64 * 2**20, "The largest source file; 64MiB, 10MB or plain bytes.",
        parse=parse.size, default_text="64MiB")
    max_stream_bytes: int = setting(
        256 * 2**20, "The largest source, a file or raw pixels, for EncodeStream.",
        parse=parse.size, default_text="256MiB")
    max_resolution: float = setting(
        50.0, "The most megapixels of a source, all frames together.",
        parse=parse.number(1e-6, 1e6, "megapixels above 0"),
        aliases=("IMGPROXY_MAX_SRC_RESOLUTION",))
    allow_truncated: bool = setting(
        False, "Encode the readable part of a truncated or damaged JPEG or PNG.")
    max_resolution_in_flight: float = setting(
        0.0,
        "The most megapixels of the requests that a process runs together; others wait. 0: its "
        "share of half the memory.",
        parse=parse.number(0, 1e9, "megapixels, or 0"), default_text="half the memory")
    vips_concurrency: int = setting(
        1, "Threads that libvips uses for one image.",
        parse=parse.whole(1, 1024))
    # fmt: on

    def __post_init__(self) -> None:
        if self.workers < 1:
            each = max(1, available_cores() // self.processes)
            object.__setattr__(self, "workers", each)
        if self.queue_size < 0:
            object.__setattr__(self, "queue_size", _QUEUE_PER_WORKER * self.workers)
        if not self.max_resolution_in_flight:
            pixels = available_memory() * _IMAGES_SHARE / self.processes / BYTES_A_PIXEL
            largest = max(self.max_resolution, round(pixels / 1e6, 1))
            object.__setattr__(self, "max_resolution_in_flight", largest)

    @property
    def suitable_processes(self) -> int:
        """As many processes as cores and memory suit: each must have room for the largest source.

        1 if the operator set a limit, because each process would have that limit for itself.
        """
        if self.workers > 0 or self.queue_size >= 0 or self.max_resolution_in_flight:
            return 1
        largest = self.max_resolution * 1e6 * BYTES_A_PIXEL
        fitting = int(available_memory() * _IMAGES_SHARE / largest)
        return max(1, min(-(-available_cores() // CORES_A_PROCESS), fitting))

    @property
    def max_pixels(self) -> int:
        """The most pixels of a source, all frames together."""
        return round(self.max_resolution * 1e6)

    @property
    def max_pixels_in_flight(self) -> int:
        """The most pixels of the requests that run together."""
        return round(self.max_resolution_in_flight * 1e6)
