"""The struct: every setting with its names, its default, its meaning."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from autoquality_server.config import parse
from autoquality_server.config.address import listen_address, metrics_address
from autoquality_server.config.choices import LogFormat, LogLevel
from autoquality_server.config.cores import available_cores
from autoquality_server.config.memory import BYTES_A_PIXEL, available_memory
from autoquality_server.config.spec import Spec, setting, specs_of
from autoquality_server.defaults import Defaults
from autoquality_server.domain import (
    AvifOptions,
    Device,
    EncoderOptions,
    Format,
    JpegOptions,
    Method,
    PngOptions,
    WebpOptions,
    WebpPreset,
)

_SERVE = "Serving"
_ACCESS = "Who may call"
_CAPACITY = "Capacity and limits"
_QUALITY = "Choosing the quality"
_NETS = "Networks"
_PREDICTOR = "Prediction"
_JPEG = "JPEG"
_WEBP = "WebP"
_AVIF = "AVIF"
_PNG = "PNG"
_LOGS = "Logs"

DETAIL_GROUPS = (_PREDICTOR, _JPEG, _WEBP, _AVIF, _PNG)
"""The groups that a first-time reader can do without."""

_QUEUE_PER_WORKER = 4
"""The last in the queue waits for about this many requests' time: still within
a caller's deadline of a few seconds, where a longer queue would only hold
images in memory for callers that have given up."""

_IMAGES_SHARE = 0.5
"""The share of the memory that images may take; the rest is for requests that
arrive or wait, networks and the code."""

_D = Defaults()
_O = EncoderOptions()
_IMGPROXY_AQ = "IMGPROXY_AUTOQUALITY_"


@dataclass(frozen=True, slots=True)
class Settings:
    """The server's configuration; imgproxy's names and defaults where it has them.

    What depends on other things is settled on construction: 0 workers become
    one a core, a negative queue four places a worker, 0 megapixels in flight what
    half the memory holds (but never less than one image), no batch sizes the
    powers of two up to the largest batch.
    """

    # fmt: off
    env_file: str = setting(
        "", group=_SERVE, parse=str, aliases=("IMGPROXY_ENV_LOCAL_FILE_PATH",),
        meaning="File of VARIABLE=value lines to read; the real environment wins over it.")
    listen: str = setting(
        "127.0.0.1:50051", group=_SERVE, parse=listen_address,
        meaning="Where gRPC is served: host:port, :port for every interface, or unix:/path.")
    metrics_listen: str = setting(
        "127.0.0.1:9464", group=_SERVE, parse=metrics_address, empty_is_value=True,
        meaning="Where Prometheus metrics are served over HTTP: host:port; empty or off: nowhere.")
    reflection: bool = setting(
        True, group=_SERVE, parse=parse.boolean,
        meaning="Serve gRPC reflection, so that grpcurl needs no schema.")
    channelz: bool = setting(
        False, group=_SERVE, parse=parse.boolean,
        meaning="Serve channelz: live facts about connections, for debugging.")
    drain_timeout: float = setting(
        30.0, group=_SERVE, parse=parse.number(0, 86400, "seconds from 0 to 86400"),
        meaning="Seconds that accepted requests get to finish after SIGTERM.")
    max_connection_age: float = setting(
        0.0, group=_SERVE, parse=parse.number(0, 86400, "seconds from 0 to 86400"),
        meaning="Seconds after which a connection is closed, so that clients look for new servers; "
        "0: never.")
    max_connection_age_grace: float = setting(
        60.0, group=_SERVE, parse=parse.number(1, 86400, "seconds from 1 to 86400"),
        meaning="Seconds that the requests of a connection so closed get to finish.")

    tls_cert: str = setting(
        "", group=_ACCESS, parse=parse.existing_file,
        meaning="Certificate (PEM, with its chain) to serve with TLS; read again when it changes.")
    tls_key: str = setting(
        "", group=_ACCESS, parse=parse.existing_file, meaning="Its private key (PEM).")
    tls_client_ca: str = setting(
        "", group=_ACCESS, parse=parse.existing_file,
        meaning="Authorities (PEM); each client must have a certificate of one of them.")
    token_file: str = setting(
        "", group=_ACCESS, parse=parse.existing_file,
        meaning="Tokens, name:token a line, of which a call needs one; read again when it changes.")
    open_health: bool = setting(
        True, group=_ACCESS, parse=parse.boolean,
        meaning="Answer health checks without a token.")
    client_requests_per_second: float = setting(
        0.0, group=_ACCESS, parse=parse.number(0, 1e6, "requests a second, or 0"),
        meaning="Requests a second for each token, client certificate or address; 0: any number.")
    client_megapixels_per_second: float = setting(
        0.0, group=_ACCESS, parse=parse.number(0, 1e6, "megapixels a second, or 0"),
        meaning="Megapixels of sources a second for each of them; 0: any number.")

    workers: int = setting(
        0, group=_CAPACITY, parse=parse.workers, default_text="one a core",
        meaning="Requests that run at the same time; 0: one for each core this process may use.")
    queue_size: int = setting(
        -1, group=_CAPACITY, parse=parse.whole(0, 65536),
        default_text=f"{_QUEUE_PER_WORKER} a worker",
        meaning="Requests that may wait for a worker; more are refused with RESOURCE_EXHAUSTED.")
    upload_timeout: float = setting(
        60.0, group=_CAPACITY, parse=parse.number(0, 86400, "seconds from 0 to 86400"),
        meaning="Seconds in which a connection must be set up, and a request arrive; 0: any time.")
    max_image_bytes: int = setting(
        64 * 2**20, group=_CAPACITY, parse=parse.size, default_text="64MiB",
        meaning="The largest source file; 64MiB, 10MB or plain bytes.")
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
        meaning="Megapixels of all requests that run together; others wait. 0: by the memory.")
    vips_concurrency: int = setting(
        1, group=_CAPACITY, parse=parse.whole(1, 1024),
        meaning="Threads that libvips uses for one image.")

    method: Method = setting(
        _D.method, group=_QUALITY, parse=parse.choice(Method),
        aliases=(_IMGPROXY_AQ + "METHOD",),
        meaning="How the quality is chosen: none, size, dssim or ml.")
    target: float | None = setting(
        _D.target, group=_QUALITY,
        parse=parse.number(0, math.inf, "bytes (1 or more) or a DSSIM (0 to 1)"),
        aliases=(_IMGPROXY_AQ + "TARGET",), default_text="0.02",
        meaning="Bytes for size (no default there), DSSIM from 0 to 1 for dssim and ml.")
    min_quality: int = setting(
        _D.min_quality, name="MIN", group=_QUALITY, parse=parse.whole(1, 100),
        aliases=(_IMGPROXY_AQ + "MIN",), meaning="The lowest quality tried.")
    max_quality: int = setting(
        _D.max_quality, name="MAX", group=_QUALITY, parse=parse.whole(1, 100),
        aliases=(_IMGPROXY_AQ + "MAX",), meaning="The highest quality tried.")
    format_min: Mapping[Format, int] = setting(
        _D.format_min, group=_QUALITY, parse=parse.format_qualities(_D.format_min),
        aliases=(_IMGPROXY_AQ + "FORMAT_MIN",), clean_alias=parse.without_foreign_formats,
        meaning="The lowest quality tried, by format; laid over the default.")
    format_max: Mapping[Format, int] = setting(
        _D.format_max, group=_QUALITY, parse=parse.format_qualities(_D.format_max),
        aliases=(_IMGPROXY_AQ + "FORMAT_MAX",), clean_alias=parse.without_foreign_formats,
        meaning="The highest quality tried, by format; laid over the default.")
    allowed_error: float = setting(
        _D.allowed_error, group=_QUALITY, parse=parse.number(0, 1, "a DSSIM from 0 to 1"),
        aliases=(_IMGPROXY_AQ + "ALLOWED_ERROR",),
        meaning="How far the DSSIM may be from the target; 1 with ml: trust the network.")
    quality: int = setting(
        _D.quality, group=_QUALITY, parse=parse.whole(1, 100), aliases=("IMGPROXY_QUALITY",),
        meaning="The quality of method none.")
    format_quality: Mapping[Format, int] = setting(
        _D.format_quality, group=_QUALITY, parse=parse.format_qualities(_D.format_quality),
        aliases=("IMGPROXY_FORMAT_QUALITY",), clean_alias=parse.without_foreign_formats,
        meaning="The quality of method none, by format; laid over the default.")

    jpeg_net: str = setting(
        parse.BOX, group=_NETS, parse=parse.network, aliases=(_IMGPROXY_AQ + "JPEG_NET",),
        meaning="Network that predicts JPEG qualities for ml: a path, box (ours) or none.")
    webp_net: str = setting(
        parse.BOX, group=_NETS, parse=parse.network, aliases=(_IMGPROXY_AQ + "WEBP_NET",),
        meaning="Network that predicts WebP qualities for ml: a path, box (ours) or none.")
    avif_net: str = setting(
        parse.BOX, group=_NETS, parse=parse.network, aliases=(_IMGPROXY_AQ + "AVIF_NET",),
        meaning="Network that predicts AVIF qualities for ml: a path, box (ours) or none.")
    predictor_device: Device = setting(
        Device.AUTO, group=_NETS, parse=parse.choice(Device),
        meaning="Where networks run: auto (a GPU where there is one), cpu or gpu.")

    predictor_threads: int = setting(
        1, group=_PREDICTOR, parse=parse.whole(1, 1024),
        meaning="Threads that one operation of a network may use on a CPU.")
    max_batch_size: int = setting(
        8, group=_PREDICTOR, parse=parse.whole(1, 1024),
        meaning="The most images that a network sees at once.")
    batch_timeout_micros: int = setting(
        0, group=_PREDICTOR, parse=parse.whole(0, 10_000_000),
        meaning="Microseconds that a batch waits to fill; 0: whatever waits is taken at once.")
    max_enqueued_batches: int = setting(
        32, group=_PREDICTOR, parse=parse.whole(1, 65536),
        meaning="Full batches that may wait; more are refused with RESOURCE_EXHAUSTED.")
    allowed_batch_sizes: tuple[int, ...] = setting(
        (), group=_PREDICTOR, parse=parse.batch_sizes, default_text="powers of two",
        meaning="Sizes that batches are padded to, such as 1,4,16; the last is the largest batch.")
    predictor_failure_limit: int = setting(
        5, group=_PREDICTOR, parse=parse.whole(0, 1_000_000),
        meaning="Failures in a row after which a network rests and dssim serves; 0: never.")
    predictor_retry_interval: float = setting(
        5.0, group=_PREDICTOR, parse=parse.number(0.01, 300, "seconds from 0.01 to 300"),
        meaning="Seconds until a resting network is tried again; doubled each time it fails.")
    network_poll_interval: float = setting(
        10.0, group=_PREDICTOR, parse=parse.number(0, 86400, "seconds from 0 to 86400"),
        meaning="Seconds between looks for a changed network or side file; 0: never.")

    jpeg_progressive: bool = setting(
        _O.jpeg.progressive, group=_JPEG, parse=parse.boolean,
        aliases=("IMGPROXY_JPEG_PROGRESSIVE",), meaning="Progressive instead of baseline.")
    jpeg_no_subsample: bool = setting(
        _O.jpeg.no_subsample, group=_JPEG, parse=parse.boolean,
        aliases=("IMGPROXY_JPEG_NO_SUBSAMPLE",), meaning="Keep chroma at full resolution.")
    jpeg_trellis_quant: bool = setting(
        _O.jpeg.trellis_quant, group=_JPEG, parse=parse.boolean,
        aliases=("IMGPROXY_JPEG_TRELLIS_QUANT",),
        meaning="Trellis quantisation: a smaller file for more time.")
    jpeg_overshoot_deringing: bool = setting(
        _O.jpeg.overshoot_deringing, group=_JPEG, parse=parse.boolean,
        aliases=("IMGPROXY_JPEG_OVERSHOOT_DERINGING",),
        meaning="Less ringing around black text on white.")
    jpeg_optimize_scans: bool = setting(
        _O.jpeg.optimize_scans, group=_JPEG, parse=parse.boolean,
        aliases=("IMGPROXY_JPEG_OPTIMIZE_SCANS",),
        meaning="Choose the progressive scans by trial; needs progressive.")
    jpeg_quant_table: int = setting(
        _O.jpeg.quant_table, group=_JPEG, parse=parse.whole(0, 8),
        aliases=("IMGPROXY_JPEG_QUANT_TABLE",), meaning="Quantisation table, 0 to 8.")

    webp_effort: int = setting(
        _O.webp.effort, group=_WEBP, parse=parse.whole(0, 6), aliases=("IMGPROXY_WEBP_EFFORT",),
        meaning="CPU effort, 0 (fast) to 6 (small).")
    webp_preset: WebpPreset = setting(
        _O.webp.preset, group=_WEBP, parse=parse.choice(WebpPreset),
        aliases=("IMGPROXY_WEBP_PRESET",),
        meaning="Content to tune for: default, picture, photo, drawing, icon or text.")
    webp_smart_subsample: bool = setting(
        _O.webp.smart_subsample, group=_WEBP, parse=parse.boolean,
        aliases=("IMGPROXY_WEBP_SMART_SUBSAMPLE",), meaning="Sharper colour edges for more time.")

    avif_speed: int = setting(
        _O.avif.speed, group=_AVIF, parse=parse.whole(0, 9), aliases=("IMGPROXY_AVIF_SPEED",),
        meaning="Encoder speed, 0 (small) to 9 (fast).")
    avif_no_subsample: bool = setting(
        _O.avif.no_subsample, group=_AVIF, parse=parse.boolean,
        meaning="Keep chroma at full resolution.")

    png_compression: int = setting(
        _O.png.compression, group=_PNG, parse=parse.whole(0, 9),
        meaning="zlib level, 0 (fast) to 9 (small).")
    png_interlaced: bool = setting(
        _O.png.interlaced, group=_PNG, parse=parse.boolean,
        aliases=("IMGPROXY_PNG_INTERLACED",), meaning="Adam7 interlacing.")
    png_quantize: bool = setting(
        _O.png.quantize, group=_PNG, parse=parse.boolean, aliases=("IMGPROXY_PNG_QUANTIZE",),
        meaning="Reduce to a palette (lossy).")
    png_quantization_colors: int = setting(
        _O.png.quantization_colors, group=_PNG, parse=parse.whole(2, 256),
        aliases=("IMGPROXY_PNG_QUANTIZATION_COLORS",), meaning="Colours of the palette, 2 to 256.")

    log_level: LogLevel = setting(
        LogLevel.INFO, group=_LOGS, parse=parse.choice(LogLevel),
        meaning="The least that is logged: debug, info, warning or error.")
    log_format: LogFormat = setting(
        LogFormat.JSON, group=_LOGS, parse=parse.choice(LogFormat),
        meaning="json for machines, console for people.")
    # fmt: on

    def __post_init__(self) -> None:
        if self.workers < 1:
            object.__setattr__(self, "workers", available_cores())
        if self.queue_size < 0:
            object.__setattr__(self, "queue_size", _QUEUE_PER_WORKER * self.workers)
        if not self.max_resolution_in_flight:
            pixels = available_memory() * _IMAGES_SHARE / BYTES_A_PIXEL
            largest = max(self.max_resolution, round(pixels / 1e6, 1))
            object.__setattr__(self, "max_resolution_in_flight", largest)
        if not self.allowed_batch_sizes:
            powers = (2**power for power in range(self.max_batch_size.bit_length()))
            sizes = tuple(sorted({*powers, self.max_batch_size}))
            object.__setattr__(self, "allowed_batch_sizes", sizes)

    @property
    def max_pixels(self) -> int:
        """The most pixels in a source, all frames counted."""
        return round(self.max_resolution * 1e6)

    @property
    def max_pixels_in_flight(self) -> int:
        """The most pixels of all requests that run together."""
        return round(self.max_resolution_in_flight * 1e6)

    @property
    def networks(self) -> Mapping[Format, str]:
        """The network of each format that is to have one: a path, or `parse.BOX`."""
        paths = {Format.JPEG: self.jpeg_net, Format.WEBP: self.webp_net, Format.AVIF: self.avif_net}
        return {fmt: path for fmt, path in paths.items() if path != parse.NO_NETWORK}

    def defaults(self) -> Defaults:
        """What a request gets where it says nothing about quality."""
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

    def encoder_options(self) -> EncoderOptions:
        """What a request gets where it says nothing about a format's options."""
        return EncoderOptions(
            jpeg=JpegOptions(
                progressive=self.jpeg_progressive,
                no_subsample=self.jpeg_no_subsample,
                trellis_quant=self.jpeg_trellis_quant,
                overshoot_deringing=self.jpeg_overshoot_deringing,
                optimize_scans=self.jpeg_optimize_scans,
                quant_table=self.jpeg_quant_table,
            ),
            webp=WebpOptions(
                effort=self.webp_effort,
                preset=self.webp_preset,
                smart_subsample=self.webp_smart_subsample,
            ),
            avif=AvifOptions(speed=self.avif_speed, no_subsample=self.avif_no_subsample),
            png=PngOptions(
                compression=self.png_compression,
                interlaced=self.png_interlaced,
                quantize=self.png_quantize,
                quantization_colors=self.png_quantization_colors,
            ),
            allow_truncated=self.allow_truncated,
        )


SPECS: tuple[Spec, ...] = specs_of(Settings)
