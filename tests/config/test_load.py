"""Where values come from, and which one wins."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import pytest

from autoquality_core.formats import WITH_QUALITY, EncoderOptions
from autoquality_core.pipeline.defaults import Defaults
from autoquality_core.types import ColorProfile, Format
from autoquality_server.config import ConfigError, Settings, load
from autoquality_server.config.settings import SPECS
from autoquality_server.config.spec import Spec


def read(environ: Mapping[str, str] | None = None, **flags: str) -> Settings:
    return load(flags, environ or {}).settings


def refused(environ: Mapping[str, str] | None = None, **flags: str) -> str:
    with pytest.raises(ConfigError) as caught:
        load(flags, environ or {})
    return str(caught.value)


def test_nothing_set_gives_imgproxys_defaults() -> None:
    settings = read()
    assert settings.defaults() == Defaults()
    assert settings.encoder_options() == EncoderOptions()
    assert settings.max_image_bytes == 64 * 2**20
    assert settings.max_pixels == 50_000_000
    assert settings.networks == dict.fromkeys(WITH_QUALITY, "bundled")
    assert settings.allowed_batch_sizes == (1, 2, 4, 8)


def test_the_text_of_every_default_parses_to_it() -> None:
    settings = read()
    for spec in SPECS:
        text = spec.default_text
        if text and " " not in text and spec.field not in ("format_min", "format_max"):
            assert spec.parse(text) == getattr(settings, spec.field), spec.variable


def test_a_queue_has_four_places_a_worker_by_default() -> None:
    assert read(workers="3").queue_size == 12
    assert read(workers="3", queue_size="0").queue_size == 0


def test_a_flag_wins_over_a_variable_over_an_alias_over_the_default() -> None:
    alias = {"IMGPROXY_AUTOQUALITY_MIN": "10"}
    variable = alias | {"AUTOQUALITY_MIN": "20"}
    assert read().min_quality is None
    assert read(alias).min_quality == 10
    assert read(variable).min_quality == 20
    assert read(variable, min_quality="30").min_quality == 30


def test_an_empty_variable_counts_as_not_set() -> None:
    assert read({"AUTOQUALITY_MIN": "", "IMGPROXY_AUTOQUALITY_MIN": "10"}).min_quality == 10


def test_empty_metrics_listen_switches_metrics_off() -> None:
    assert read({"AUTOQUALITY_METRICS_LISTEN": ""}).metrics_listen == ""
    assert read({"AUTOQUALITY_METRICS_LISTEN": "off"}).metrics_listen == ""


def test_variables_without_effect_are_listed(tmp_path: Path) -> None:
    path = tmp_path / "mixed.env"
    lines = ("OTEL_SERVICE_NAME=a", "AUTOQUALITY_SPEED=1", "IMGPROXY_QUALITY=70", "IMGPROXY_TTL=")
    path.write_text("\n".join(lines))
    environ = {
        "IMGPROXY_WORKERS": "4",
        "AUTOQUALITY_QUALITY": "60",
        "AUTOQUALITY_SERVER": "images:50051",
        "HOME": "/root",
    }
    assert load({"env_file": str(path)}, environ).unused == (
        "AUTOQUALITY_SPEED",
        "IMGPROXY_QUALITY (AUTOQUALITY_QUALITY wins)",
        "IMGPROXY_WORKERS (see AUTOQUALITY_WORKERS)",
        "OTEL_SERVICE_NAME",
    )


def test_all_errors_are_reported_at_once(tmp_path: Path) -> None:
    path = tmp_path / "wrong.env"
    path.write_text(
        "IMGPROXY_QUALITY=101\nhalf a line\nIMGPROXY_AUTOQUALITY_METHOD=best\n"
        "IMGPROXY_AUTOQUALITY_MIN=90\nIMGPROXY_AUTOQUALITY_MAX=80\n"
        "AUTOQUALITY_MAX_BATCH_SIZE=x\nAUTOQUALITY_ALLOWED_BATCH_SIZES=1,3\n"
    )
    with pytest.raises(ConfigError) as caught:
        load({"tls_key": __file__}, {"AUTOQUALITY_ENV_FILE": str(path)})
    wrong = {line.partition(":")[0].partition(" ")[0] for line in caught.value.lines}
    # The batch sizes may be right, because the largest batch is unknown.
    assert wrong == {
        *("AUTOQUALITY_ENV_FILE", "IMGPROXY_QUALITY", "IMGPROXY_AUTOQUALITY_METHOD"),
        *("IMGPROXY_AUTOQUALITY_MIN", "AUTOQUALITY_MAX_BATCH_SIZE", "AUTOQUALITY_TLS_CERT"),
    }
    assert len(caught.value.lines) == len(wrong)


def test_the_error_for_a_wrong_value_has_the_name_that_set_it(tmp_path: Path) -> None:
    path = tmp_path / "wrong.env"
    path.write_text("IMGPROXY_QUALITY=high\n")
    right = "must be a whole number from 1 to 100, not 'high'"
    assert refused(quality="high") == f"--quality: {right}"
    assert refused({"AUTOQUALITY_QUALITY": "high"}) == f"AUTOQUALITY_QUALITY: {right}"
    assert refused({"IMGPROXY_QUALITY": "high"}) == f"IMGPROXY_QUALITY: {right}"
    assert refused(env_file=str(path)) == f"IMGPROXY_QUALITY (in {path}): {right}"


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.field)
def test_every_setting_refuses_nonsense_in_one_line_that_names_it(spec: Spec) -> None:
    message = refused({spec.variable: "nonsense\n" * 50})
    assert message.startswith(f"{spec.variable}: must be ")
    assert "\n" not in message
    assert len(message) < 300


def test_our_own_format_lists_refuse_formats_that_are_not_written() -> None:
    assert refused({"AUTOQUALITY_FORMAT_QUALITY": "heic=77"}) == (
        "AUTOQUALITY_FORMAT_QUALITY: must be a list such as webp=79,avif=63: jpeg, webp, avif "
        "or jxl with a quality from 1 to 100, not 'heic=77'"
    )


def test_a_format_list_without_formats_is_refused_by_imgproxys_name_too() -> None:
    assert refused({"IMGPROXY_AUTOQUALITY_FORMAT_MIN": "70"}).startswith(
        "IMGPROXY_AUTOQUALITY_FORMAT_MIN: must be a list such as webp=79,avif=63"
    )


@pytest.mark.parametrize(
    ("environ", "message"),
    [
        (
            {"AUTOQUALITY_METHOD": "size"},
            "AUTOQUALITY_TARGET: with AUTOQUALITY_METHOD size it must be bytes, 1 or more",
        ),
        (
            {"IMGPROXY_AUTOQUALITY_METHOD": "size", "AUTOQUALITY_TARGET": "0.02"},
            (
                "AUTOQUALITY_TARGET: with IMGPROXY_AUTOQUALITY_METHOD size it must be bytes, 1 or "
                "more, not 0.02"
            ),
        ),
        (
            {"AUTOQUALITY_METHOD": "dssim", "AUTOQUALITY_TARGET": "10240"},
            (
                "AUTOQUALITY_TARGET: with AUTOQUALITY_METHOD dssim it must be a DSSIM from 0 to 1, "
                "not 10240"
            ),
        ),
        (
            {"AUTOQUALITY_METHOD": "ml", "AUTOQUALITY_TARGET": "1.5"},
            (
                "AUTOQUALITY_TARGET: with AUTOQUALITY_METHOD ml it must be a DSSIM from 0 to 1, "
                "not 1.5"
            ),
        ),
        (
            {"AUTOQUALITY_MIN": "85"},
            (
                "AUTOQUALITY_MIN: the lowest quality of jpeg must be at most its highest, "
                "80 (AUTOQUALITY_MAX), not 85"
            ),
        ),
        (
            {"IMGPROXY_AUTOQUALITY_MAX": "60"},
            (
                "IMGPROXY_AUTOQUALITY_MAX: the highest quality of jpeg must be at least its "
                "lowest, 70 (AUTOQUALITY_MIN), not 60"
            ),
        ),
        (
            {"AUTOQUALITY_FORMAT_MIN": "avif=66"},
            (
                "AUTOQUALITY_FORMAT_MIN: the lowest quality of avif must be at most its highest, "
                "65 (AUTOQUALITY_FORMAT_MAX), not 66"
            ),
        ),
        (
            {"AUTOQUALITY_FORMAT_MAX": "webp=50"},
            (
                "AUTOQUALITY_FORMAT_MAX: the highest quality of webp must be at least its lowest, "
                "70 (AUTOQUALITY_MIN), not 50"
            ),
        ),
        (
            {"AUTOQUALITY_LISTEN": ":9464"},
            (
                "AUTOQUALITY_METRICS_LISTEN: must be another address than that of "
                "AUTOQUALITY_LISTEN, [::]:9464, not '127.0.0.1:9464'"
            ),
        ),
        (
            {"AUTOQUALITY_LISTEN": "unix:/a", "AUTOQUALITY_HEALTH_LISTEN": "unix:/a"},
            (
                "AUTOQUALITY_HEALTH_LISTEN: must be another address than that of "
                "AUTOQUALITY_LISTEN, unix:/a, not 'unix:/a'"
            ),
        ),
    ],
)
def test_the_error_for_a_contradiction_has_the_setting_that_was_set(
    environ: Mapping[str, str], message: str
) -> None:
    assert refused(environ) == message


def test_the_target_of_size_may_be_large() -> None:
    in_units = read({"AUTOQUALITY_METHOD": "size", "AUTOQUALITY_TARGET": "10KiB"})
    settings = read({"AUTOQUALITY_METHOD": "size", "AUTOQUALITY_TARGET": "10240"})
    assert in_units.target == settings.target == 10240


def test_networks_are_known_by_format(tmp_path: Path) -> None:
    graph = tmp_path / "net.pb"
    graph.touch()
    settings = read({"IMGPROXY_AUTOQUALITY_AVIF_NET": str(graph), "AUTOQUALITY_JPEG_NET": "none"})
    assert settings.networks == {
        Format.AVIF: str(graph),
        Format.WEBP: "bundled",
        Format.JXL: "bundled",
    }


@pytest.mark.parametrize(
    ("largest", "sizes"), [("1", (1,)), ("8", (1, 2, 4, 8)), ("6", (1, 2, 4, 6))]
)
def test_batches_are_padded_to_powers_of_two_by_default(
    largest: str, sizes: tuple[int, ...]
) -> None:
    assert read({"AUTOQUALITY_MAX_BATCH_SIZE": largest}).allowed_batch_sizes == sizes


def test_the_largest_batch_is_the_last_of_the_allowed_sizes() -> None:
    both = {"AUTOQUALITY_MAX_BATCH_SIZE": "4", "AUTOQUALITY_ALLOWED_BATCH_SIZES": "1,4"}
    assert read(both).allowed_batch_sizes == (1, 4)
    assert refused({"AUTOQUALITY_ALLOWED_BATCH_SIZES": "1,4"}) == (
        "AUTOQUALITY_ALLOWED_BATCH_SIZES: the last of the allowed batch sizes must be the largest "
        "batch, 8 (AUTOQUALITY_MAX_BATCH_SIZE), not 1,4"
    )


def test_of_a_long_value_the_beginning_and_the_end_are_quoted() -> None:
    start, end = "s" * 25, "e" * 75
    assert refused({"AUTOQUALITY_WORKERS": f"{start}-middle-{end}"}).endswith(f"'{start}...{end}'")
    assert refused({"AUTOQUALITY_WORKERS": start + end}).endswith(f"'{start}{end}'")


def test_a_misspelt_variable_gives_a_warning() -> None:
    assert load({}, {"AUTOQUALITY_WORKER": "2"}).warnings == (
        "AUTOQUALITY_WORKER is not a setting: did you mean AUTOQUALITY_WORKERS?",
    )


def test_variables_that_kubernetes_injects_give_no_warning() -> None:
    injected = [
        "AUTOQUALITY_SERVICE_HOST",
        "AUTOQUALITY_SERVICE_PORT",
        "AUTOQUALITY_SERVICE_PORT_GRPC",
        "AUTOQUALITY_PORT",
        "AUTOQUALITY_PORT_50051_TCP",
        "AUTOQUALITY_PORT_50051_TCP_PROTO",
        "AUTOQUALITY_PORT_50051_TCP_ADDR",
        "AUTOQUALITY_METRICS_SERVICE_HOST",
        "AUTOQUALITY_METRICS_PORT_9464_TCP",
    ]
    assert load({}, dict.fromkeys(injected, "tcp://10.0.0.1:50051")).warnings == ()


def test_options_of_formats_reach_the_encoder_options() -> None:
    options = read(
        {
            "AUTOQUALITY_JPEG_TRELLIS_QUANT": "yes",
            "AUTOQUALITY_JPEG_OVERSHOOT_DERINGING": "yes",
            "AUTOQUALITY_JPEG_OPTIMIZE_SCANS": "yes",
            "AUTOQUALITY_JPEG_NO_SUBSAMPLE": "yes",
            "AUTOQUALITY_JPEG_QUANT_TABLE": "3",
            "AUTOQUALITY_WEBP_SMART_SUBSAMPLE": "yes",
            "AUTOQUALITY_AVIF_NO_SUBSAMPLE": "yes",
            "AUTOQUALITY_PNG_COMPRESSION": "9",
            "AUTOQUALITY_PNG_INTERLACED": "yes",
            "AUTOQUALITY_PNG_QUANTIZATION_COLORS": "16",
            "AUTOQUALITY_KEEP_COPYRIGHT": "no",
            "AUTOQUALITY_COLOR_PROFILE": "keep",
            "AUTOQUALITY_KEEP_HIDDEN_COLORS": "yes",
            "AUTOQUALITY_WEBP_ALPHA_QUALITY": "0",
            "AUTOQUALITY_KEEP_SMALLER_SOURCE": "yes",
            "AUTOQUALITY_CAP_AT_SOURCE": "yes",
        }
    ).encoder_options()
    assert options.jpeg.trellis_quant
    assert options.jpeg.overshoot_deringing
    assert options.jpeg.optimize_scans
    assert options.jpeg.no_subsample
    assert options.jpeg.quant_table == 3
    assert options.webp.smart_subsample
    assert options.avif.no_subsample
    assert options.png.compression == 9
    assert options.png.interlaced
    assert options.png.quantization_colors == 16
    assert not options.keep_copyright
    assert options.color_profile is ColorProfile.KEEP
    assert options.keep_hidden_colors
    assert options.webp.alpha_quality == 0
    assert options.keep_smaller_source
    assert options.cap_at_source


def test_the_largest_image_to_search_is_in_megapixels() -> None:
    assert read().max_search_pixels == math.inf
    for name in ("AUTOQUALITY_MAX_SEARCH_RESOLUTION", "IMGPROXY_AUTOQUALITY_MAX_RESOLUTION"):
        assert read({name: "2.5"}).max_search_pixels == 2_500_000
        assert read({name: "0"}).max_search_pixels == math.inf
        assert "must be megapixels, or 0, not '-1'" in refused({name: "-1"})
    assert read(max_search_resolution="8").max_search_pixels == 8_000_000


@pytest.mark.parametrize(
    ("text", "profile"), [("true", ColorProfile.SRGB), ("false", ColorProfile.KEEP)]
)
def test_imgproxys_switch_for_profiles_works(text: str, profile: ColorProfile) -> None:
    options = read({"IMGPROXY_STRIP_COLOR_PROFILE": text}).encoder_options()
    assert options.color_profile is profile
