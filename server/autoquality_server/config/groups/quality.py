"""How the quality is chosen if a request does not say, and the networks that predict it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, TypeVar

from autoquality_core.formats import ENCODERS, WITH_QUALITY
from autoquality_core.pipeline.defaults import Defaults
from autoquality_core.types import Device, Format, Method
from autoquality_server.config import parse
from autoquality_server.config.spec import IMGPROXY_AUTOQUALITY, setting

T = TypeVar("T", bound=type)

_D = Defaults()


@dataclass(frozen=True)
class QualitySettings:
    """imgproxy's autoquality, with its names and defaults."""

    GROUP: ClassVar = "Choosing the quality"

    # fmt: off
    method: Method = setting(
        _D.method, "How the quality is chosen: none, size, dssim or ml.",
        aliases=(IMGPROXY_AUTOQUALITY + "METHOD",))
    target: float | None = setting(
        _D.target, "For size: bytes (no default). For dssim and ml: a DSSIM from 0 to 1.",
        parse=parse.number(0, math.inf, "bytes (1 or more) or a DSSIM (0 to 1)"),
        aliases=(IMGPROXY_AUTOQUALITY + "TARGET",), default_text="0.02")
    min_quality: int = setting(
        _D.min_quality, "The lowest quality to try.",
        name="MIN", parse=parse.whole(1, 100), aliases=(IMGPROXY_AUTOQUALITY + "MIN",))
    max_quality: int = setting(
        _D.max_quality, "The highest quality to try.",
        name="MAX", parse=parse.whole(1, 100), aliases=(IMGPROXY_AUTOQUALITY + "MAX",))
    format_min: Mapping[Format, int] = setting(
        _D.format_min, "The lowest quality to try, by format; other formats keep their defaults.",
        parse=parse.format_qualities(_D.format_min), aliases=(IMGPROXY_AUTOQUALITY + "FORMAT_MIN",),
        clean_alias=parse.without_foreign_formats)
    format_max: Mapping[Format, int] = setting(
        _D.format_max, "The highest quality to try, by format; other formats keep their defaults.",
        parse=parse.format_qualities(_D.format_max), aliases=(IMGPROXY_AUTOQUALITY + "FORMAT_MAX",),
        clean_alias=parse.without_foreign_formats)
    allowed_error: float = setting(
        _D.allowed_error,
        "The largest difference between DSSIM and target; 1 with ml: use the prediction without a "
        "check.",
        parse=parse.number(0, 1, "a DSSIM from 0 to 1"),
        aliases=(IMGPROXY_AUTOQUALITY + "ALLOWED_ERROR",))
    quality: int = setting(
        _D.quality, "The quality for method none.",
        parse=parse.whole(1, 100), aliases=("IMGPROXY_QUALITY",))
    format_quality: Mapping[Format, int] = setting(
        _D.format_quality,
        "The quality for method none, by format; other formats keep their defaults.",
        parse=parse.format_qualities(_D.format_quality), aliases=("IMGPROXY_FORMAT_QUALITY",),
        clean_alias=parse.without_foreign_formats)
    # fmt: on

    def defaults(self) -> Defaults:
        """Return the defaults for the target of a request."""
        return Defaults(
            method=self.method,
            target=self.target,
            min_quality=self.min_quality,
            max_quality=self.max_quality,
            format_min=self.format_min,
            format_max=self.format_max,
            allowed_error=self.allowed_error,
            quality=self.quality,
            format_quality=self.format_quality,
        )


def _with_networks(struct: T) -> T:
    """Add a setting for the network of each format, named FORMAT_net."""
    for fmt in WITH_QUALITY:
        name = ENCODERS[fmt].name
        declared = setting(
            parse.BUNDLED,
            f"Network that predicts {name} qualities for ml: a path, bundled or none.",
            parse=parse.network,
            aliases=(f"{IMGPROXY_AUTOQUALITY}{fmt.name}_NET",),
        )
        setattr(struct, f"{fmt.value}_net", declared)
    networks = {f"{fmt.value}_net": str for fmt in WITH_QUALITY}
    struct.__annotations__ = networks | struct.__annotations__
    return struct


@dataclass(frozen=True)
@_with_networks
class NetworkSettings:
    """The networks, and where they run."""

    GROUP: ClassVar = "Networks"

    # fmt: off
    predictor_device: Device = setting(
        Device.AUTO, "Where networks run: auto (a GPU if there is one), cpu or gpu.")
    # fmt: on

    @property
    def networks(self) -> Mapping[Format, str]:
        """The network of each format that has one: a path, or `parse.BUNDLED`."""
        paths = {fmt: getattr(self, f"{fmt.value}_net") for fmt in WITH_QUALITY}
        return {fmt: path for fmt, path in paths.items() if path != parse.NO_NETWORK}


@dataclass(frozen=True)
class PredictionSettings:
    """How networks predict, and their batches, with the names of TensorFlow Serving.

    Empty batch sizes become the powers of two up to the largest batch.
    """

    GROUP: ClassVar = "Prediction"

    # fmt: off
    advise_dssim: bool = setting(
        True,
        "Let dssim use a network too, if it was trained for the encoder's options and saves time.")
    predictor_threads: int = setting(
        1, "Threads for one operation of a network on a CPU.",
        parse=parse.whole(1, 1024))
    batch_on_cpu: bool = setting(
        False,
        "Run batches on a CPU too. This is not faster there, and a prediction's last digits then "
        "depend on the batch, so that the same request may get another answer.")
    max_batch_size: int = setting(8, "The most images in one batch.", parse=parse.whole(1, 1024))
    batch_timeout_micros: int = setting(
        0, "Microseconds to wait for a batch to fill; 0: run at once with the images that wait.",
        parse=parse.whole(0, 10_000_000))
    max_enqueued_batches: int = setting(
        32, "Full batches that may wait; more are rejected with RESOURCE_EXHAUSTED.",
        parse=parse.whole(1, 65536))
    allowed_batch_sizes: tuple[int, ...] = setting(
        (), "Sizes that batches are padded to, such as 1,4,16; the last is the largest batch.",
        parse=parse.batch_sizes, default_text="powers of two")
    predictor_failure_limit: int = setting(
        5,
        "Consecutive failures that open a network's circuit breaker: dssim serves until it closes; "
        "0: never.",
        parse=parse.whole(0, 1_000_000))
    predictor_retry_interval: float = setting(
        5.0,
        "Seconds until an open circuit breaker tries the network again; doubled after each "
        "failure.",
        parse=parse.seconds(0.01, 300))
    network_poll_interval: float = setting(
        10.0, "Seconds between checks for a changed network or side file; 0: never.",
        parse=parse.seconds(0, 86400))
    # fmt: on

    def __post_init__(self) -> None:
        if not self.allowed_batch_sizes:
            powers = (2**power for power in range(self.max_batch_size.bit_length()))
            sizes = tuple(sorted({*powers, self.max_batch_size}))
            object.__setattr__(self, "allowed_batch_sizes", sizes)
