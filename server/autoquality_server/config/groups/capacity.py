"""How much runs at once, and how large it may be."""

from __future__ import annotations

from dataclasses import dataclass

from autoquality_server.config import parse
from autoquality_server.config.cores import available_cores
from autoquality_server.config.memory import BYTES_A_PIXEL, available_memory
from autoquality_server.config.spec import setting

_CAPACITY = "Capacity and limits"

_QUEUE_PER_WORKER = 4
"""The last in the queue waits for about this many requests' time: still within
a caller's deadline of a few seconds, where a longer queue would only hold
images in memory for callers that have given up."""

_IMAGES_SHARE = 0.5
"""The share of the memory that images may take; the rest is for requests that
arrive or wait, networks and the code."""


@dataclass(frozen=True)
class CapacitySettings:
    """Places, limits on sources, memory.

    What depends on other things is settled on construction: 0 workers become
    one a core, a negative queue four places a worker, 0 megapixels in flight what
    half the memory holds (but never less than one image). Cores and memory are
    shared out among the processes: what is bounded is bounded in each.
    """

    # fmt: off
    processes: int = setting(
        1, group=_CAPACITY, parse=parse.whole(1, 256),
        meaning="Processes that serve on one port: a crash harms only what one of them was given.")
    hung_grace: float = setting(
        300.0, group=_CAPACITY, parse=parse.number(0, 86400, "seconds from 0 to 86400"),
        meaning="Seconds that a request may run on when nobody waits for it any more, until its "
        "process ends as hung; 0: any time.")
    workers: int = setting(
        0, group=_CAPACITY, parse=parse.whole(0, 4096), default_text="one a core",
        meaning="Requests that a process runs at the same time; 0: one for each core there is, "
        "shared out among the processes.")
    queue_size: int = setting(
        -1, group=_CAPACITY, parse=parse.whole(0, 65536),
        default_text=f"{_QUEUE_PER_WORKER} a worker",
        meaning="Requests that may wait for a worker; more are refused with RESOURCE_EXHAUSTED.")
    parallel_probes: bool = setting(
        False, group=_CAPACITY, parse=parse.boolean,
        meaning="Try two qualities of an image at the same time while a worker is idle: answers "
        "come sooner, for more processor time.")
    upload_timeout: float = setting(
        60.0, group=_CAPACITY, parse=parse.number(0, 86400, "seconds from 0 to 86400"),
        meaning="Seconds in which a connection must be set up, and a request arrive; 0: any time.")
    download_timeout: float = setting(
        60.0, group=_CAPACITY, parse=parse.number(0, 86400, "seconds from 0 to 86400"),
        meaning="Seconds in which an answer, or each message of a streamed one, must be taken; "
        "0: any time.")
    max_image_bytes: int = setting(
        64 * 2**20, group=_CAPACITY, parse=parse.size, default_text="64MiB",
        meaning="The largest source file; 64MiB, 10MB or plain bytes.")
    max_stream_bytes: int = setting(
        256 * 2**20, group=_CAPACITY, parse=parse.size, default_text="256MiB",
        meaning="The largest source, file or bare pixels, that EncodeStream takes.")
    max_resolution: float = setting(
        50.0, group=_CAPACITY, parse=parse.number(1e-6, 1e6, "megapixels above 0"),
        aliases=("IMGPROXY_MAX_SRC_RESOLUTION",),
        meaning="The most megapixels in a source, all frames counted.")
    allow_truncated: bool = setting(
        False, group=_CAPACITY, parse=parse.boolean,
        meaning="Encode what there is of a truncated or damaged JPEG or PNG.")
    max_resolution_in_flight: float = setting(
        0.0, group=_CAPACITY, parse=parse.number(0, 1e9, "megapixels, or 0"),
        default_text="half the memory",
        meaning="Megapixels of all requests that a process runs together; others wait. 0: its "
        "share of half the memory.")
    vips_concurrency: int = setting(
        1, group=_CAPACITY, parse=parse.whole(1, 1024),
        meaning="Threads that libvips uses for one image.")
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
    def max_pixels(self) -> int:
        """The most pixels in a source, all frames counted."""
        return round(self.max_resolution * 1e6)

    @property
    def max_pixels_in_flight(self) -> int:
        """The most pixels of all requests that run together."""
        return round(self.max_resolution_in_flight * 1e6)
