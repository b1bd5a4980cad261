"""Which networks predict, and how they run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from autoquality_core.types import Device, Format
from autoquality_server.config import parse
from autoquality_server.config.spec import IMGPROXY_AUTOQUALITY, setting

_NETS = "Networks"
PREDICTION = "Prediction"


@dataclass(frozen=True)
class NetworkSettings:
    """Networks, and their batches in TensorFlow Serving's words.

    No batch sizes become the powers of two up to the largest batch.
    """

    # fmt: off
    jpeg_net: str = setting(
        parse.BUNDLED, group=_NETS, parse=parse.network,
        aliases=(IMGPROXY_AUTOQUALITY + "JPEG_NET",),
        meaning="Network that predicts JPEG qualities for ml: a path, box (ours) or none.")
    webp_net: str = setting(
        parse.BUNDLED, group=_NETS, parse=parse.network,
        aliases=(IMGPROXY_AUTOQUALITY + "WEBP_NET",),
        meaning="Network that predicts WebP qualities for ml: a path, box (ours) or none.")
    avif_net: str = setting(
        parse.BUNDLED, group=_NETS, parse=parse.network,
        aliases=(IMGPROXY_AUTOQUALITY + "AVIF_NET",),
        meaning="Network that predicts AVIF qualities for ml: a path, box (ours) or none.")
    predictor_device: Device = setting(
        Device.AUTO, group=_NETS, parse=parse.choice(Device),
        meaning="Where networks run: auto (a GPU where there is one), cpu or gpu.")

    advise_dssim: bool = setting(
        True, group=PREDICTION, parse=parse.boolean,
        meaning="Let dssim ask a network too, where it was trained for the encoder's options and "
        "saves time.")
    predictor_threads: int = setting(
        1, group=PREDICTION, parse=parse.whole(1, 1024),
        meaning="Threads that one operation of a network may use on a CPU.")
    batch_on_cpu: bool = setting(
        False, group=PREDICTION, parse=parse.boolean,
        meaning="Let networks run batches on a CPU too. No faster there, and the last digits of a "
        "prediction then depend on the batch: the same request may get another answer.")
    max_batch_size: int = setting(
        8, group=PREDICTION, parse=parse.whole(1, 1024),
        meaning="The most images that a network sees at once.")
    batch_timeout_micros: int = setting(
        0, group=PREDICTION, parse=parse.whole(0, 10_000_000),
        meaning="Microseconds that a batch waits to fill; 0: whatever waits is taken at once.")
    max_enqueued_batches: int = setting(
        32, group=PREDICTION, parse=parse.whole(1, 65536),
        meaning="Full batches that may wait; more are refused with RESOURCE_EXHAUSTED.")
    allowed_batch_sizes: tuple[int, ...] = setting(
        (), group=PREDICTION, parse=parse.batch_sizes, default_text="powers of two",
        meaning="Sizes that batches are padded to, such as 1,4,16; the last is the largest batch.")
    predictor_failure_limit: int = setting(
        5, group=PREDICTION, parse=parse.whole(0, 1_000_000),
        meaning="Failures in a row after which a network rests and dssim serves; 0: never.")
    predictor_retry_interval: float = setting(
        5.0, group=PREDICTION, parse=parse.number(0.01, 300, "seconds from 0.01 to 300"),
        meaning="Seconds until a resting network is tried again; doubled each time it fails.")
    network_poll_interval: float = setting(
        10.0, group=PREDICTION, parse=parse.number(0, 86400, "seconds from 0 to 86400"),
        meaning="Seconds between looks for a changed network or side file; 0: never.")
    # fmt: on

    def __post_init__(self) -> None:
        if not self.allowed_batch_sizes:
            powers = (2**power for power in range(self.max_batch_size.bit_length()))
            sizes = tuple(sorted({*powers, self.max_batch_size}))
            object.__setattr__(self, "allowed_batch_sizes", sizes)

    @property
    def networks(self) -> Mapping[Format, str]:
        """The network of each format that is to have one: a path, or `parse.BUNDLED`."""
        paths = {Format.JPEG: self.jpeg_net, Format.WEBP: self.webp_net, Format.AVIF: self.avif_net}
        return {fmt: path for fmt, path in paths.items() if path != parse.NO_NETWORK}
