"""Checks between settings."""

from __future__ import annotations

from collections.abc import Mapping

from autoquality_core.formats import OPTIONS, WITH_QUALITY
from autoquality_core.metrics import DSSIM
from autoquality_core.pipeline.defaults import metric_of
from autoquality_core.types import METRIC_OF_WORDS, Format, Method
from autoquality_server.config.settings import Settings
from autoquality_server.config.spec import ConfigError, render


def check(settings: Settings, names: Mapping[str, str], chosen: frozenset[str]) -> None:
    """Raise ConfigError for the first contradiction.

    `names` maps each field to the name that set it (a flag, a variable). `chosen` has the fields
    that were set: the error names one of them.
    """
    _check_target(settings, names)
    for fmt in WITH_QUALITY:
        _check_bounds(settings, fmt, names, chosen)
    _check_chroma(settings, names)
    _check_batches(settings, names, chosen)
    _check_tls(settings, names)
    _check_in_flight(settings, names)
    _check_processes(settings, names)


def _check_target(settings: Settings, names: Mapping[str, str]) -> None:
    method, target, error = settings.method, settings.target, settings.allowed_error
    because = f"with {names['method']} {method.value}"
    given = "" if target is None else f", not {render(target)}"
    metric = metric_of(method)
    unit = metric or DSSIM
    score = f"a {unit.noun} from {unit.low:g} to {unit.high:g}"
    if isinstance(target, str):
        if unit.name != METRIC_OF_WORDS:
            right = "bytes, 1 or more" if method is Method.SIZE else score
            raise ConfigError(f"{names['target']}: {because} it must be {right}{given}")
    elif method is Method.SIZE and (target is None or target < 1):
        raise ConfigError(f"{names['target']}: {because} it must be bytes, 1 or more{given}")
    elif metric is not None and target is not None and target > metric.high:
        raise ConfigError(f"{names['target']}: {because} it must be {score}{given}")
    if method is Method.SIZE and error is not None and error > 1:
        raise ConfigError(
            f"{names['allowed_error']}: {because} it must be the share of the target that may stay "
            f"unused, from 0 to 1, not {render(error)}"
        )
    if error is not None and error > unit.high - unit.low:
        raise ConfigError(
            f"{names['allowed_error']}: {because} it must be a {unit.noun} from 0 to "
            f"{unit.high - unit.low:g}, not {render(error)}"
        )


def _check_bounds(
    settings: Settings, fmt: Format, names: Mapping[str, str], chosen: frozenset[str]
) -> None:
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
            raise ConfigError(
                f"{names[low_field]}: the lowest quality of {of} must be at most its highest, "
                f"{high} ({names[high_field]}), not {low}"
            )
        raise ConfigError(
            f"{names[high_field]}: the highest quality of {of} must be at least its lowest, "
            f"{low} ({names[low_field]}), not {high}"
        )


def _check_chroma(settings: Settings, names: Mapping[str, str]) -> None:
    """Check that a format's chroma agrees with the older name of one of its values."""
    for fmt, options in OPTIONS.items():
        older = getattr(options, "OLDER", None)
        if older is None or not getattr(settings, f"{fmt.value}_{older.name}"):
            continue
        field = f"{fmt.value}_chroma"
        chroma, default = getattr(settings, field), options().chroma
        if chroma not in (default, older.meaning):
            raise ConfigError(
                f"{names[field]}: must be {older.meaning.value} with"
                f" {names[f'{fmt.value}_{older.name}']}, not {chroma.value}"
            )


def _check_batches(settings: Settings, names: Mapping[str, str], chosen: frozenset[str]) -> None:
    largest = settings.max_batch_size
    if settings.allowed_batch_sizes[-1] != largest:
        given = render(settings.allowed_batch_sizes)
        field = "allowed_batch_sizes" if "allowed_batch_sizes" in chosen else "max_batch_size"
        raise ConfigError(
            f"{names[field]}: the last of the allowed batch sizes must be the largest batch, "
            f"{largest} ({names['max_batch_size']}), not {given}"
        )


def _check_tls(settings: Settings, names: Mapping[str, str]) -> None:
    for given, missing in (
        ("tls_cert", "tls_key"),
        ("tls_key", "tls_cert"),
        ("tls_client_ca", "tls_cert"),
        ("metrics_tls", "tls_cert"),
        ("metrics_client_ca", "metrics_tls"),
    ):
        if getattr(settings, given) and not getattr(settings, missing):
            raise ConfigError(f"{names[missing]}: must be set along with {names[given]}")


def _check_in_flight(settings: Settings, names: Mapping[str, str]) -> None:
    if settings.max_resolution_in_flight < settings.max_resolution:
        raise ConfigError(
            f"{names['max_resolution_in_flight']}: must be at least the largest source, "
            f"{render(settings.max_resolution)} ({names['max_resolution']}), "
            f"not {render(settings.max_resolution_in_flight)}"
        )


def _check_processes(settings: Settings, names: Mapping[str, str]) -> None:
    for field in ("listen", "health_listen"):
        if settings.processes > 1 and getattr(settings, field).startswith("unix:"):
            raise ConfigError(
                f"{names['processes']}: must be 1 with a Unix socket ({names[field]}), which "
                f"processes cannot share, not {settings.processes}"
            )
