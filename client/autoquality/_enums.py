"""The contract's enums as Python enums, and the way between the two.

A newer server may answer with a value that this client does not know: it
becomes `UNKNOWN`, and the number stays readable in the raw `.message`.
"""

from __future__ import annotations

import enum
from typing import TypeVar

from google.protobuf.descriptor import EnumDescriptor

from autoquality.v1 import encoding_pb2 as pb


class Format(enum.StrEnum):
    """A file format that the service writes."""

    JPEG = "jpeg"
    WEBP = "webp"
    AVIF = "avif"
    PNG = "png"
    UNKNOWN = "unknown"

    @property
    def suffix(self) -> str:
        """The usual end of a file name, with its dot: `.jpg`, `.webp` ..."""
        return _SUFFIXES.get(self, f".{self.value}")


class Method(enum.StrEnum):
    """How the quality is chosen; the values are imgproxy's names."""

    NONE = "none"
    """No search: the quality asked for, or else the format's default."""
    SIZE = "size"
    """The highest quality whose file is within the target, in bytes."""
    DSSIM = "dssim"
    """A quality whose DSSIM is within the allowed error of the target."""
    ML = "ml"
    """As DSSIM, starting from a neural network's prediction."""
    UNKNOWN = "unknown"


class Outcome(enum.StrEnum):
    """Why the search stopped."""

    TARGET_MET = "target_met"
    """The size is within budget, or the DSSIM within the allowed error."""
    MIN_QUALITY_REACHED = "min_quality_reached"
    """Even the lowest quality misses the target; this is its encoding."""
    MAX_QUALITY_REACHED = "max_quality_reached"
    """Even the highest quality misses the target; this is its encoding."""
    FIXED_QUALITY = "fixed_quality"
    """Nothing was searched for."""
    DEADLINE_REACHED = "deadline_reached"
    """No time for another probe: this is the best so far."""
    NEAREST_QUALITY = "nearest_quality"
    """No quality is within the allowed error: this is the nearest."""
    PREDICTION_TRUSTED = "prediction_trusted"
    """The network's quality was used untested."""
    NO_QUALITY = "no_quality"
    """The format has no quality setting: saved as it is."""
    UNKNOWN = "unknown"


class NoticeCode(enum.StrEnum):
    """Kinds of notices."""

    NETWORK_UNAVAILABLE = "network_unavailable"
    """No network for the format, or it failed: ML was served as DSSIM."""
    FORMAT_SUBSTITUTED = "format_substituted"
    """The format asked for cannot hold the image: another was written."""
    FIRST_FRAME_ONLY = "first_frame_only"
    """Of several frames or pages only the first was encoded."""
    ALPHA_FLATTENED = "alpha_flattened"
    """Transparency was flattened on the background."""
    TARGET_UNUSED = "target_unused"
    """A target was given, but the method is NONE."""
    SOURCE_TRUNCATED = "source_truncated"
    """The source is truncated or damaged: what could be decoded was encoded."""
    HDR_TONE_MAPPED = "hdr_tone_mapped"
    """The source is HDR: its brightness was mapped to the range of SDR."""
    COLORS_CLIPPED = "colors_clipped"
    """Visible colours lie outside sRGB and were clipped."""
    METADATA_DROPPED = "metadata_dropped"
    """Metadata to keep did not fit the format or the byte budget."""
    GAIN_MAP_DROPPED = "gain_map_dropped"
    """The source's gain map for HDR screens was left out."""
    ALPHA_QUALITY_LOWERED = "alpha_quality_lowered"
    """The alpha channel was compressed with loss to meet the byte budget."""
    UNKNOWN = "unknown"


class Stage(enum.StrEnum):
    """What has just happened to a streamed request."""

    ACCEPTED = "accepted"
    """The request is right; its source is sent."""
    RECEIVED = "received"
    """The source has arrived."""
    QUEUED = "queued"
    """The source can be used and waits for a worker."""
    STARTED = "started"
    """A worker has it."""
    PROBED = "probed"
    """An encoding was made."""
    UNKNOWN = "unknown"


class ColorProfile(enum.StrEnum):
    """What happens to the colours of the source."""

    SRGB = "srgb"
    """Convert to sRGB and write no profile."""
    KEEP = "keep"
    """Keep the samples and the source's profile."""


class WebpPreset(enum.StrEnum):
    """The content that a WebP encoder tunes itself for."""

    DEFAULT = "default"
    PICTURE = "picture"
    PHOTO = "photo"
    DRAWING = "drawing"
    ICON = "icon"
    TEXT = "text"


_SUFFIXES = {Format.JPEG: ".jpg"}

_E = TypeVar("_E", bound=enum.StrEnum)


def from_proto(kind: type[_E], enum_type: EnumDescriptor, number: int, prefix: str) -> _E:
    """The member of `kind` that `enum_type` numbers `number`, else its UNKNOWN."""
    value = enum_type.values_by_number.get(number)
    name = "" if value is None else value.name.removeprefix(prefix)
    return kind[name] if name in kind.__members__ else kind["UNKNOWN"]


def parse(kind: type[_E], value: str, what: str) -> _E:
    """The member of `kind` called `value`, in any case.

    Raises ValueError, naming `what` and the choices.
    """
    choices = [str(member.value) for member in kind if member.name != "UNKNOWN"]
    if value.lower() not in choices:
        raise ValueError(f"{what} must be one of {', '.join(choices)}, not {str(value)!r}")
    return kind(value.lower())


def format_to_proto(value: Format | str | None) -> pb.Format.ValueType:
    """The contract's number; None keeps the source's format. Raises ValueError."""
    if value is None:
        return pb.FORMAT_UNSPECIFIED
    return pb.Format.Value(f"FORMAT_{parse(Format, value, 'format').name}")


def method_to_proto(value: Method | str | None) -> pb.Method.ValueType:
    """The contract's number; None takes the server's method. Raises ValueError."""
    if value is None:
        return pb.METHOD_UNSPECIFIED
    return pb.Method.Value(f"METHOD_{parse(Method, value, 'method').name}")


def preset_to_proto(value: WebpPreset | str | None) -> pb.WebpPreset.ValueType:
    """The contract's number; None takes the server's preset. Raises ValueError."""
    if value is None:
        return pb.WEBP_PRESET_UNSPECIFIED
    return pb.WebpPreset.Value(f"WEBP_PRESET_{parse(WebpPreset, value, 'preset').name}")


def profile_to_proto(value: ColorProfile | str | None) -> pb.ColorProfile.ValueType:
    """The contract's number; None takes the server's choice. Raises ValueError."""
    if value is None:
        return pb.COLOR_PROFILE_UNSPECIFIED
    name = parse(ColorProfile, value, "color_profile").name
    return pb.ColorProfile.Value(f"COLOR_PROFILE_{name}")
