"""What the encoders are told where a request does not say."""

from __future__ import annotations

from dataclasses import dataclass

from autoquality_server.config import parse
from autoquality_server.config.spec import setting
from autoquality_server.domain import (
    AvifOptions,
    ColorProfile,
    EncoderOptions,
    JpegOptions,
    PngOptions,
    WebpOptions,
    WebpPreset,
)

_EVERY = "Every format"
_JPEG = "JPEG"
_WEBP = "WebP"
_AVIF = "AVIF"
_PNG = "PNG"

_O = EncoderOptions()


@dataclass(frozen=True)
class EncoderSettings:
    """Options by format, by imgproxy's names and with its defaults."""

    # fmt: off
    keep_copyright: bool = setting(
        _O.keep_copyright, group=_EVERY, parse=parse.boolean,
        aliases=("IMGPROXY_KEEP_COPYRIGHT",),
        meaning="Keep copyright and author where a request does not keep all metadata.")
    color_profile: ColorProfile = setting(
        _O.color_profile, group=_EVERY, parse=parse.color_profile,
        aliases=("IMGPROXY_STRIP_COLOR_PROFILE",),
        meaning="srgb converts colours to sRGB, keep keeps the source's profile; imgproxy's name "
        "takes true for srgb and false for keep.")
    keep_hidden_colors: bool = setting(
        _O.keep_hidden_colors, group=_EVERY, parse=parse.boolean,
        meaning="Keep the colours of wholly transparent pixels.")

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
    webp_alpha_quality: int = setting(
        _O.webp.alpha_quality, group=_WEBP, parse=parse.whole(0, 100),
        meaning="Quality of the alpha channel, 0 (small) to 100 (lossless).")

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
    # fmt: on

    def format_options(self) -> EncoderOptions:
        """The options of a request that sets none."""
        return EncoderOptions(
            keep_copyright=self.keep_copyright,
            color_profile=self.color_profile,
            keep_hidden_colors=self.keep_hidden_colors,
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
                alpha_quality=self.webp_alpha_quality,
            ),
            avif=AvifOptions(speed=self.avif_speed, no_subsample=self.avif_no_subsample),
            png=PngOptions(
                compression=self.png_compression,
                interlaced=self.png_interlaced,
                quantize=self.png_quantize,
                quantization_colors=self.png_quantization_colors,
            ),
        )
