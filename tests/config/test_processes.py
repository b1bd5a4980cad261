"""Cores and memory are shared out among the processes of a server."""

from __future__ import annotations

import pytest

from autoquality_core.networks import tensorflow
from autoquality_server.config import ConfigError, Settings, load
from autoquality_server.config.groups import capacity
from autoquality_server.config.resources import BYTES_A_PIXEL, available_cores, available_memory


@pytest.fixture
def large_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """32 cores, 64 GiB, no GPU."""
    monkeypatch.setattr(capacity, "available_cores", lambda: 32)
    monkeypatch.setattr(capacity, "available_memory", lambda: 64 * 2**30)
    monkeypatch.setattr(tensorflow, "has_gpu", lambda: False)


@pytest.mark.parametrize(
    ("cores", "processes"), [(1, 1), (2, 1), (8, 1), (9, 2), (16, 2), (17, 3), (64, 8)]
)
@pytest.mark.usefixtures("large_machine")
def test_by_default_a_process_serves_up_to_eight_cores(
    monkeypatch: pytest.MonkeyPatch, cores: int, processes: int
) -> None:
    monkeypatch.setattr(capacity, "available_cores", lambda: cores)
    settings = load({}, {}).settings
    assert (settings.processes, settings.workers) == (processes, max(1, cores // processes))
    assert load({"processes": "0"}, {}).settings == settings


@pytest.mark.usefixtures("large_machine")
def test_by_default_each_process_has_memory_for_the_largest_source() -> None:
    one = 2**30 / BYTES_A_PIXEL / 1e6  # megapixels that take 1 GiB
    for gibibytes, processes in ((8, 4), (16, 2), (20, 1), (60, 1)):
        settings = Settings(max_resolution=one * gibibytes)
        assert settings.processes == processes


@pytest.mark.parametrize(
    "flags",
    [
        {"jpeg_net": __file__},
        {"predictor_device": "gpu"},
        {"listen": "unix:/a"},
        {"health_listen": "unix:/a"},
        {"workers": "3"},
        {"queue_size": "0"},
        {"max_resolution_in_flight": "60"},
        {"client_requests_per_second": "5"},
        {"client_megapixels_per_second": "5"},
    ],
    ids=lambda flags: next(iter(flags)),
)
@pytest.mark.usefixtures("large_machine")
def test_by_default_there_is_one_process_where_several_would_differ(flags: dict[str, str]) -> None:
    assert load({}, {}).settings.processes == 4
    assert load(flags, {}).settings.processes == 1
    assert (
        load(
            {**flags, "listen": ":1", "health_listen": "", "processes": "2"}, {}
        ).settings.processes
        == 2
    )


@pytest.mark.usefixtures("large_machine")
def test_with_a_gpu_there_is_one_process_unless_networks_run_elsewhere(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tensorflow, "has_gpu", lambda: True)
    assert load({}, {}).settings.processes == 1
    assert load({"predictor_device": "cpu"}, {}).settings.processes == 4
    none = {f"{name}_net": "none" for name in ("jpeg", "webp", "avif", "jxl")}
    assert load(none, {}).settings.processes == 4


def test_zero_workers_are_one_per_core() -> None:
    assert load({"workers": "0", "processes": "1"}, {}).settings.workers == available_cores()
    assert load({"workers": "7"}, {}).settings.workers == 7


def test_cores_are_shared_out_and_each_process_has_a_worker() -> None:
    for processes in (1, 2, 3, available_cores(), 100):
        settings = Settings(processes=processes)
        assert settings.workers == max(1, available_cores() // processes)
        assert settings.queue_size == 4 * settings.workers


def test_settings_apply_to_each_process() -> None:
    settings = Settings(processes=4, workers=3, max_resolution_in_flight=60)
    assert (settings.workers, settings.max_resolution_in_flight) == (3, 60)


def test_memory_is_shared_out() -> None:
    pixels = Settings(processes=4, max_resolution=0.1).max_pixels_in_flight
    assert 4 * pixels * BYTES_A_PIXEL == pytest.approx(available_memory() / 2, rel=0.01)


def test_one_image_of_the_largest_size_fits_into_each_process() -> None:
    assert Settings(processes=256, max_resolution=900).max_resolution_in_flight == 900


def test_only_one_process_can_listen_on_a_unix_socket() -> None:
    assert load({"listen": "unix:/a"}, {}).settings.processes == 1
    with pytest.raises(ConfigError) as caught:
        load({"listen": "unix:/a", "processes": "2"}, {})
    assert str(caught.value) == (
        "--processes: must be 1 with a Unix socket (--listen), which processes cannot share, not 2"
    )
