"""Validation of requests by the rules of the real server that need no codec."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Iterable, Iterator
from typing import Any

from autoquality._enums import to_number
from autoquality._options import FORMAT_OPTIONS, Option
from autoquality._status import FieldViolation
from autoquality.testing._curve import Curve, is_lossless
from autoquality.testing._defaults import LIMITS, contradiction, metric_of
from autoquality.testing._fault import Fault
from autoquality.testing._image import Header, header_of, of_raw, read
from autoquality.v1 import encoding_pb2 as pb

_FIXED = {pb.METHOD_UNSPECIFIED, pb.METHOD_NONE}
"""The methods of a fixed quality."""
_BACKGROUND = re.compile(r"#?[0-9a-fA-F]{6}|")
_OLDER_FLAGS: dict[str, tuple[str, int]] = {
    "jpeg": ("no_subsample", pb.CHROMA_FULL),
    "webp": ("smart_subsample", pb.CHROMA_SHARP),
    "avif": ("no_subsample", pb.CHROMA_FULL),
}
"""The flags that mean a `chroma`."""
_LONGEST_SIDE = {pb.FORMAT_JPEG: 65_500, pb.FORMAT_WEBP: 16_383, pb.FORMAT_AVIF: 16_384}


def check_encode(
    request: pb.EncodeRequest, *, check_images: bool = True, limits: pb.Limits = LIMITS
) -> Fault | None:
    """Return the fault with all invalid fields of a request, or None.

    A file is read only if all fields are valid.
    """
    found: dict[str, FieldViolation] = {}

    def add(violations: Iterable[FieldViolation]) -> None:
        for one in violations:
            found.setdefault(one.field, one)

    add(_violations(request, limits))
    # The real server checks these in order, and stops at the first that is invalid.
    for check in (_check_method, _check_candidates, _check_bounds):
        if found.keys().isdisjoint(_DECIDING):
            add(check(request))
        if any(field.startswith(_ABOUT_TARGET) for field in found):
            break
    if not found:
        add(_check_source(request, limits, check_images=check_images))
    return Fault.invalid_fields(*found.values()) if found else None


_DECIDING = frozenset({"auto_quality.method", "auto_quality.metric", "quality"})
"""The fields that other fields about the target depend on."""

_ABOUT_TARGET = ("auto_quality.", "candidates")


def _violations(request: pb.EncodeRequest, limits: pb.Limits) -> Iterator[FieldViolation]:
    """Yield the invalid fields that do not depend on the method. A field may come twice."""
    if request.WhichOneof("source") is None:
        yield _invalid("source", "set image (a whole file) or raw (bare pixels)")
    yield from _check_enums(request)
    yield from _check_range(request, "quality", 1, 100)
    spec = request.auto_quality
    if request.HasField("quality"):
        if spec.method in set(pb.Method.values()) - _FIXED:
            yield _invalid("quality", "is for METHOD_NONE only")
        spec = _with_method(spec)
    yield from _check_spec(spec)
    yield from _check_format_options(request)
    if not _BACKGROUND.fullmatch(request.background):
        yield _invalid("background", 'must be a colour like "#ffffff"')
    if request.HasField("min_width") and request.min_width < 1:
        yield _invalid("min_width", "must be pixels, 1 or more")
    if request.HasField("raw"):
        yield from _check_raw(request.raw, limits)


def _invalid(field: str, text: str, reason: str = "INVALID_FIELD") -> FieldViolation:
    return FieldViolation(field, text, reason)


def _check_range(
    message: Any, field: str, low: float, high: float = math.inf, path: str = ""
) -> Iterator[FieldViolation]:
    """Refuse a number out of a range, and one that is not finite."""
    value = getattr(message, field)
    if message.HasField(field) and not (low <= value <= high and math.isfinite(value)):
        right = f"from {low} to {high}" if math.isfinite(high) else f"{low} or more"
        yield _invalid(path + field, f"must be {right}")


def _check_enums(message: Any, path: str = "") -> Iterator[FieldViolation]:
    """Refuse the numbers of enums that the contract does not have."""
    for field, value in message.ListFields():
        if field.enum_type is not None:
            # Number 0 of an enum means the default. In a list, it means nothing.
            numbers = value if field.is_repeated else (value,)
            known = [one.number for one in field.enum_type.values][field.is_repeated :]
            unknown = [number for number in numbers if number not in known]
            if unknown:
                names = ", ".join(one.name for one in field.enum_type.values[1:])
                yield _invalid(path + field.name, f"must be {names}, not {unknown[0]}")
        elif field.message_type is not None:
            yield from _check_enums(value, f"{path}{field.name}.")


def _check_format_options(request: pb.EncodeRequest) -> Iterator[FieldViolation]:
    """Refuse an option of a format that is out of range or contradicts another."""
    for name, kind in FORMAT_OPTIONS.items():
        message: Any = getattr(request, name)
        for field in dataclasses.fields(kind):
            option: Option = field.metadata["option"]
            if option.bounds is not None:
                yield from _check_range(message, field.name, *option.bounds, f"{name}.")
            elif option.choices is not None and (value := getattr(message, field.name)):
                choices = [one for one in option.choices if one.name != "UNKNOWN"]
                enum = message.DESCRIPTOR.fields_by_name[field.name].enum_type
                if value not in [to_number(enum, one, field.name) for one in choices]:
                    text = f"must be one of {', '.join(choices)}"
                    yield _invalid(f"{name}.{field.name}", text)
        older, meaning = _OLDER_FLAGS.get(name, ("", 0))
        given = message.chroma if older and message.HasField(older) else 0
        if given and getattr(message, older) != (given == meaning):
            yield _invalid(f"{name}.chroma", f"contradicts {older}: set one of them")


def _check_source(
    request: pb.EncodeRequest, limits: pb.Limits, *, check_images: bool
) -> list[FieldViolation]:
    found: list[FieldViolation] = []
    if request.HasField("image"):
        check = _check_file if check_images else _check_bytes
        found = list(check("image", request.image, limits))
    return found or [*_check_sides(request), *_check_bounds(request, own=True)]


def _check_raw(raw: pb.RawImage, limits: pb.Limits) -> Iterator[FieldViolation]:
    sides = [side for side in ("width", "height") if getattr(raw, side) < 1]
    yield from (_invalid(f"raw.{side}", "must be 1 or more") for side in sides)
    if not 1 <= raw.bands <= 4:
        yield _invalid("raw.bands", "must be from 1 to 4")
    elif not sides:
        too_large = list(_check_size("raw", of_raw(raw), limits))
        yield from too_large
        if not too_large and len(raw.pixels) != raw.width * raw.height * raw.bands:
            yield _invalid("raw.pixels", "must be width x height x bands bytes")


def _check_bytes(field: str, data: bytes, limits: pb.Limits) -> Iterator[FieldViolation]:
    if not data:
        yield _unreadable(field, "must not be empty")
    elif len(data) > limits.max_image_bytes:
        yield too_large(field, f"has {len(data)} bytes", f"{limits.max_image_bytes} are accepted")


def _check_file(field: str, data: bytes, limits: pb.Limits) -> Iterator[FieldViolation]:
    if wrong := list(_check_bytes(field, data, limits)):
        yield from wrong
        return
    try:
        header = read(data)
    except ValueError as error:
        yield _unreadable(field, str(error))
        return
    if header is None:
        text = "not an image of a supported format (avif, gif, jpeg, jxl, png, tiff, webp)"
        yield _invalid(field, text, "IMAGE_UNSUPPORTED")
    else:
        yield from _check_size(field, header, limits)


def _unreadable(field: str, text: str) -> FieldViolation:
    return _invalid(field, text, "IMAGE_UNREADABLE")


def _check_size(field: str, header: Header, limits: pb.Limits) -> Iterator[FieldViolation]:
    pixels = header.width * header.height * header.frames
    if pixels > limits.max_resolution_pixels:
        yield too_large(
            field, f"is {pixels} pixels", f"{limits.max_resolution_pixels} are accepted"
        )


def too_large(field: str, size: str, most: str) -> FieldViolation:
    """Return the violation of a source that is over a limit."""
    return _invalid(field, f"{size}; at most {most}", "IMAGE_TOO_LARGE")


def _check_sides(request: pb.EncodeRequest) -> Iterator[FieldViolation]:
    header = header_of(request)
    formats = request.candidates or (request.format or header.own_format,)
    longest = max(_LONGEST_SIDE.get(format, math.inf) for format in formats)
    if max(header.width, header.height) > longest:
        text = f"holds at most {longest} pixels a side; choose another format"
        yield _invalid("format", text, "IMAGE_TOO_LARGE")


def _check_method(request: pb.EncodeRequest) -> Iterator[FieldViolation]:
    """Yield the fields that are invalid with the default method, and a missing target."""
    spec = _with_method(request.auto_quality)
    yield from _check_spec(spec)
    if spec.method == pb.METHOD_SIZE and not spec.HasField("target"):
        yield _invalid("auto_quality.target", "METHOD_SIZE needs a target")


def _with_method(spec: pb.AutoQuality) -> pb.AutoQuality:
    """Return the spec with the default method if it has none."""
    settled = pb.AutoQuality(method=pb.METHOD_NONE)
    settled.MergeFrom(spec)
    return settled


def _check_bounds(request: pb.EncodeRequest, *, own: bool = False) -> Iterator[FieldViolation]:
    """Yield a bound that contradicts another in a format that the request names.

    With `own`, in that of the source if the request names none.
    """
    formats = _known(request.candidates) or _known([request.format])
    if own and not formats:
        formats = [Curve.of(request).format]
    for format in formats:
        yields = len(formats) > 1 or is_lossless(request, format)
        yield from contradiction(request.auto_quality, format, yields=yields)


def _known(formats: Iterable[pb.Format.ValueType]) -> list[pb.Format.ValueType]:
    """Return the formats, each once. None if one of them is not in the contract."""
    known = pb.Format.values()[1:]
    return [*dict.fromkeys(formats)] if all(one in known for one in formats) else []


def _check_candidates(request: pb.EncodeRequest) -> Iterator[FieldViolation]:
    spec = request.auto_quality
    comparable = spec.method == pb.METHOD_SIZE or metric_of(spec) == pb.METRIC_SSIMULACRA2
    if _known(request.candidates) and _known([request.format]):
        yield _invalid("candidates", "must be empty if format is set")
    elif len(_known(request.candidates)) > 1 and not comparable:
        yield _invalid("candidates", "this method cannot compare formats")


def check_compare(
    request: pb.CompareRequest, *, check_images: bool = True, limits: pb.Limits = LIMITS
) -> Fault | None:
    """Return the fault of an invalid request, or None."""
    check = _check_file if check_images else _check_bytes
    for field in ("reference", "distorted"):
        if found := list(check(field, getattr(request, field), limits)):
            return Fault.invalid_fields(*found)
    if not check_images:
        return None
    one, other = read(request.reference), read(request.distorted)
    if not (one and other and one.has_size and other.has_size):
        return None
    if (one.width, one.height) != (other.width, other.height):
        text = f"must be as large as the reference, {one.width}x{one.height}"
        return Fault.invalid("distorted", text, "SIZE_MISMATCH")
    return None


def _check_spec(spec: pb.AutoQuality) -> Iterator[FieldViolation]:
    contradicts = _contradicts_metric(spec)
    if contradicts:
        yield _invalid("auto_quality.metric", "must be that of the method, or not set")
    ranges = _RANGES
    if not contradicts or spec.method == pb.METHOD_SIZE:
        ranges = ranges | _ranges_of_scores(spec)
    for field, (low, high) in ranges.items():
        yield from _check_range(spec, field, low, high, "auto_quality.")


_RANGES: dict[str, tuple[float, float]] = {
    "min_quality": (1, 100),
    "max_quality": (1, 100),
    "max_bytes": (1, math.inf),
    "max_dssim": (0, 1),
    "min_ssimulacra2": (0, 100),
}


def _ranges_of_scores(spec: pb.AutoQuality) -> dict[str, tuple[float, float]]:
    """Return the ranges that depend on the method."""
    metric = metric_of(spec)
    any_metric = not spec.method or spec.method not in pb.Method.values()
    highest = 100 if any_metric or metric == pb.METRIC_SSIMULACRA2 else 1
    least = 1 if spec.method == pb.METHOD_SIZE else 0
    return {"allowed_error": (0, highest), "target": (least, highest if metric else math.inf)}


def _contradicts_metric(spec: pb.AutoQuality) -> bool:
    """Whether the metric is not that of the method."""
    known = spec.method and spec.method in pb.Method.values() and spec.metric in pb.Metric.values()
    return bool(known and spec.metric not in (pb.METRIC_UNSPECIFIED, metric_of(spec)))
