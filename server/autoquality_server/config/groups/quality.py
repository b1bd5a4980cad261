"""How the quality is chosen if a request does not say, and the networks that predict it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import ClassVar, TypeVar

from autoquality_core.formats import ENCODERS, WITH_QUALITY, Encoder
from autoquality_core.metrics import DSSIM, METRICS, SSIMULACRA2, Metric, limit_name
from autoquality_core.pipeline.defaults import Defaults
from autoquality_core.types import WORDS, Device, Format, Limits, Method, score_of
from autoquality_server.config import parse
from autoquality_server.config.spec import IMGPROXY_AUTOQUALITY, render, setting

T = TypeVar("T", bound=type)

_D = Defaults()


def _default(usual: float, of_metric: Callable[[Metric], float | None]) -> str:
    """A default, with those of the metrics that have another one."""
    own = {one.name: value for one in METRICS.values() if (value := of_metric(one)) is not None}
    others = (f"{name}: {render(value)}" for name, value in own.items() if value != usual)
    return ", ".join((render(usual), *others))


def _bound(end: int) -> str:
    """The default of one end of the range."""
    return _default(
        Encoder.default_range[end], lambda one: one.default_range and one.default_range[end]
    )


def _format_bounds(end: int) -> str:
    """The formats whose encoder has another default for one end of the range."""
    own = {fmt: encoder.default_range[end] for fmt, encoder in ENCODERS.items()}
    usual = Encoder.default_range[end]
    return render({fmt: bound for fmt, bound in own.items() if bound != usual})


@dataclass(frozen=True)
class QualitySettings:
    """imgproxy's autoquality, with its names and defaults."""

    GROUP: ClassVar = "Choosing the quality"

    # fmt: off
    method: Method = setting(
        _D.method, f"How the quality is chosen: {', '.join(one.value for one in Method)}.",
        aliases=(IMGPROXY_AUTOQUALITY + "METHOD",))
    target: float | str | None = setting(
        _D.target,
        "For size: bytes, such as 20kB (no default). For dssim and ml: a DSSIM from 0 to 1. For "
        f"ssimulacra2: a score from 0 to 100, or a word: {', '.join(WORDS)}.",
        parse=parse.target,
        aliases=(IMGPROXY_AUTOQUALITY + "TARGET",),
        default_text=_default(DSSIM.default_target, lambda one: one.default_target))
    min_quality: int | None = setting(
        _D.min_quality, "The lowest quality to try.",
        name="MIN", parse=parse.whole(1, 100), aliases=(IMGPROXY_AUTOQUALITY + "MIN",),
        default_text=_bound(0))
    max_quality: int | None = setting(
        _D.max_quality, "The highest quality to try.",
        name="MAX", parse=parse.whole(1, 100), aliases=(IMGPROXY_AUTOQUALITY + "MAX",),
        default_text=_bound(1))
    format_min: Mapping[Format, int] = setting(
        _D.format_min, "The lowest quality to try, by format; other formats keep their defaults.",
        parse=parse.format_qualities({}), aliases=(IMGPROXY_AUTOQUALITY + "FORMAT_MIN",),
        clean_alias=parse.without_foreign_formats, default_text=_format_bounds(0))
    format_max: Mapping[Format, int] = setting(
        _D.format_max, "The highest quality to try, by format; other formats keep their defaults.",
        parse=parse.format_qualities({}), aliases=(IMGPROXY_AUTOQUALITY + "FORMAT_MAX",),
        clean_alias=parse.without_foreign_formats, default_text=_format_bounds(1))
    allowed_error: float | None = setting(
        _D.allowed_error,
        "The largest difference between score and target, from 0 to 1 for DSSIM and from 0 to 100 "
        "for ssimulacra2. The largest with ml: use the prediction without a check. For size: the "
        "share of the target that may stay unused, 0 by default.",
        parse=parse.number(0, math.inf, "a number, 0 or more"),
        aliases=(IMGPROXY_AUTOQUALITY + "ALLOWED_ERROR",),
        default_text=_default(DSSIM.default_allowed_error, lambda one: one.default_allowed_error))
    max_bytes: int | None = setting(
        None,
        "The most bytes of a file, such as 100kB, together with the target of any method. With "
        "none, limits are only checked.",
        parse=parse.max_bytes, default_text="no limit")
    max_dssim: float | None = setting(
        None, "The largest DSSIM, together with the target of any method.",
        parse=parse.score(DSSIM), default_text="no limit")
    min_ssimulacra2: float | None = setting(
        None,
        "The least SSIMULACRA2, together with the target of any method: a score from 0 to 100 or a "
        "word.",
        parse=parse.score(SSIMULACRA2), default_text="no limit")
    max_search_resolution: float = setting(
        0.0,
        "Megapixels, all frames together, above which the predicted quality is used without a "
        "search; 0: no limit.",
        parse=parse.number(0, 1e6, "megapixels, or 0"),
        aliases=(IMGPROXY_AUTOQUALITY + "MAX_RESOLUTION",))
    quality: int = setting(
        _D.quality, "The quality for method none.",
        parse=parse.whole(1, 100), aliases=("IMGPROXY_QUALITY",))
    format_quality: Mapping[Format, int] = setting(
        _D.format_quality,
        "The quality for method none, by format; other formats keep their defaults.",
        parse=parse.format_qualities(_D.format_quality), aliases=("IMGPROXY_FORMAT_QUALITY",),
        clean_alias=parse.without_foreign_formats)
    candidates: tuple[Format, ...] = setting(
        _D.candidates,
        "Formats to choose from if a request names none, such as avif,webp,jpeg: the smallest file "
        "that meets the target, or for size the best within it. Only size, ssimulacra2, and ml by "
        "ssimulacra2 can compare formats.",
        parse=parse.formats, empty_is_value=True, default_text="the source's format")
    # fmt: on

    @property
    def max_search_pixels(self) -> float:
        """The most pixels of an image that is searched; infinite without a limit."""
        return round(self.max_search_resolution * 1e6) or math.inf

    def defaults(self) -> Defaults:
        given = {
            one.name: getattr(self, one.name) for one in fields(Defaults) if one.name != "limits"
        }
        if isinstance(self.target, str):
            given["target"] = score_of(self.target)
        scores = {one.name: getattr(self, limit_name(one), None) for one in METRICS.values()}
        worst = {name: score for name, score in scores.items() if score is not None}
        return Defaults(**given, limits=Limits(self.max_bytes, worst))


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

    @property
    def needs_only_numpy(self) -> bool:
        """Whether NumPy runs all networks: bundled ones on a CPU. True without networks."""
        from autoquality_core.networks.tensorflow import has_gpu  # with all that opens networks

        device = self.predictor_device
        on_cpu = device is Device.CPU or (device is Device.AUTO and not has_gpu())
        paths = self.networks.values()
        return not paths or (on_cpu and all(path == parse.BUNDLED for path in paths))


@dataclass(frozen=True)
class PredictionSettings:
    """How networks predict, and their batches, with the names of TensorFlow Serving.

    Empty batch sizes become the powers of two up to the largest batch.
    """

    GROUP: ClassVar = "Prediction"

    # fmt: off
    advise_dssim: bool = setting(
        True,
        "Let dssim and ssimulacra2 use a network too, if it was trained for the encoder's options "
        "and saves time.")
    predictor_threads: int = setting(
        1, "Threads for one operation of a network on a CPU; bundled networks use one.",
        parse=parse.whole(1, 1024))
    batch_on_cpu: bool = setting(
        False,
        "Run batches on a CPU too. This is hardly faster there. With TensorFlow, the last digits "
        "of a prediction then depend on the batch, so the same request may get another answer.")
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
        "Consecutive failures that open a network's circuit breaker: ml searches without it "
        "until it closes; 0: never.",
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
