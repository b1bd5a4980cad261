"""Checks between settings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import NamedTuple

from autoquality_core.formats import OPTIONS, WITH_QUALITY
from autoquality_core.formats.base import ChromaOptions
from autoquality_core.metrics import DSSIM
from autoquality_core.pipeline.defaults import metric_of
from autoquality_core.types import METRIC_OF_WORDS, Format, Method
from autoquality_server.config.address import collide
from autoquality_server.config.settings import Settings
from autoquality_server.config.spec import render


class Contradiction(NamedTuple):
    """A message, and the fields of the settings that do not fit together."""

    message: str
    fields: tuple[str, ...]


def contradictions(
    settings: Settings, names: Mapping[str, str], chosen: frozenset[str]
) -> Iterator[Contradiction]:
    """Find all contradictions between settings.

    `names` maps each field to the name that set it (a flag, a variable). `chosen` has the fields
    that were set: the message names one of them.
    """
    yield from _check_target(settings, names)
    known = set()
    for fmt in WITH_QUALITY:
        for one in _check_bounds(settings, fmt, names, chosen):
            # Formats without ranges of their own share the general one.
            if one.fields not in known or {"format_min", "format_max"}.intersection(one.fields):
                yield one
            known.add(one.fields)
    yield from _check_chroma(settings, names)
    yield from _check_batches(settings, names, chosen)
    yield from _check_tls(settings, names)
    yield from _check_in_flight(settings, names)
    yield from _check_processes(settings, names)
    yield from _check_addresses(settings, names)


def _check_target(settings: Settings, names: Mapping[str, str]) -> Iterator[Contradiction]:
    because = f"with {names['method']} {settings.method.value}"
    rights = {"target": _right_target(settings), "allowed_error": _right_error(settings)}
    for field, right in rights.items():
        if right is not None:
            value = getattr(settings, field)
            given = "" if value is None else f", not {render(value)}"
            message = f"{names[field]}: {because} it must be {right}{given}"
            yield Contradiction(message, (field, "method"))


def _right_target(settings: Settings) -> str | None:
    """What the target must be with the method; None if it is."""
    target, metric = settings.target, metric_of(settings.method)
    unit = metric or DSSIM
    if settings.method is Method.SIZE:
        fits = not isinstance(target, str) and target is not None and target >= 1
        return None if fits else "bytes, 1 or more"
    if isinstance(target, str):
        fits = unit.name == METRIC_OF_WORDS
    else:
        fits = target is None or metric is None or target <= metric.high
    return None if fits else f"a {unit.noun} from {unit.low:g} to {unit.high:g}"


def _right_error(settings: Settings) -> str | None:
    """What the allowed error must be with the method; None if it is."""
    unit = metric_of(settings.method) or DSSIM
    right, most = f"a {unit.noun} from 0 to {unit.high - unit.low:g}", unit.high - unit.low
    if settings.method is Method.SIZE:
        right, most = "the share of the target that may stay unused, from 0 to 1", 1.0
    error = settings.allowed_error
    return None if error is None or error <= most else right


def _check_bounds(
    settings: Settings, fmt: Format, names: Mapping[str, str], chosen: frozenset[str]
) -> Iterator[Contradiction]:
    """Check the range of a format with every method, first with the configured one."""
    defaults = settings.defaults()
    for method in sorted(Method, key=lambda one: one is not settings.method):
        low, high = defaults.bounds_for(fmt, method)
        if low <= high:
            continue
        usual = defaults.usual_bounds(method)
        low_field = "format_min" if fmt in settings.format_min or low != usual[0] else "min_quality"
        high_field = (
            "format_max" if fmt in settings.format_max or high != usual[1] else "max_quality"
        )
        of = fmt.value if method is settings.method else f"{fmt.value} with method {method.value}"
        if low_field in chosen or high_field not in chosen:
            message = (
                f"{names[low_field]}: the lowest quality of {of} must be at most its highest, "
                f"{high} ({names[high_field]}), not {low}"
            )
        else:
            message = (
                f"{names[high_field]}: the highest quality of {of} must be at least its lowest, "
                f"{low} ({names[low_field]}), not {high}"
            )
        yield Contradiction(message, (low_field, high_field))
        return


def _check_chroma(settings: Settings, names: Mapping[str, str]) -> Iterator[Contradiction]:
    """Check that a format's chroma agrees with the older name of one of its values."""
    for fmt, options in OPTIONS.items():
        if not issubclass(options, ChromaOptions):
            continue
        flag, meaning = options.OLDER
        if not getattr(settings, f"{fmt.value}_{flag}"):
            continue
        field, old = f"{fmt.value}_chroma", f"{fmt.value}_{flag}"
        chroma, default = getattr(settings, field), options().chroma
        if chroma not in (default, meaning):
            yield Contradiction(
                f"{names[field]}: must be {meaning.value} with {names[old]}, not {chroma.value}",
                (field, old),
            )


def _check_batches(
    settings: Settings, names: Mapping[str, str], chosen: frozenset[str]
) -> Iterator[Contradiction]:
    largest = settings.max_batch_size
    if settings.allowed_batch_sizes[-1] != largest:
        given = render(settings.allowed_batch_sizes)
        field = "allowed_batch_sizes" if "allowed_batch_sizes" in chosen else "max_batch_size"
        yield Contradiction(
            f"{names[field]}: the last of the allowed batch sizes must be the largest batch, "
            f"{largest} ({names['max_batch_size']}), not {given}",
            ("allowed_batch_sizes", "max_batch_size"),
        )


def _check_tls(settings: Settings, names: Mapping[str, str]) -> Iterator[Contradiction]:
    for given, missing in (
        ("tls_cert", "tls_key"),
        ("tls_key", "tls_cert"),
        ("tls_client_ca", "tls_cert"),
        ("metrics_tls", "tls_cert"),
        ("metrics_client_ca", "metrics_tls"),
    ):
        if getattr(settings, given) and not getattr(settings, missing):
            message = f"{names[missing]}: must be set along with {names[given]}"
            yield Contradiction(message, (given, missing))


def _check_in_flight(settings: Settings, names: Mapping[str, str]) -> Iterator[Contradiction]:
    if settings.max_resolution_in_flight < settings.max_resolution:
        yield Contradiction(
            f"{names['max_resolution_in_flight']}: must be at least the largest source, "
            f"{render(settings.max_resolution)} ({names['max_resolution']}), "
            f"not {render(settings.max_resolution_in_flight)}",
            ("max_resolution_in_flight", "max_resolution"),
        )


def _check_processes(settings: Settings, names: Mapping[str, str]) -> Iterator[Contradiction]:
    for field in ("listen", "health_listen"):
        if settings.processes > 1 and getattr(settings, field).startswith("unix:"):
            yield Contradiction(
                f"{names['processes']}: must be 1 with a Unix socket ({names[field]}), which "
                f"processes cannot share, not {settings.processes}",
                ("processes", field),
            )


def _check_addresses(settings: Settings, names: Mapping[str, str]) -> Iterator[Contradiction]:
    fields = ("listen", "health_listen", "metrics_listen")
    used = [(field, getattr(settings, field)) for field in fields if getattr(settings, field)]
    for (field, address), (later_field, later) in combinations(used, 2):
        if collide(address, later):
            yield Contradiction(
                f"{names[later_field]}: must be another address than that of {names[field]}, "
                f"{address}, not {later!r}",
                (field, later_field),
            )
