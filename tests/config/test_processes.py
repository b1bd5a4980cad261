"""Cores and memory are shared out among the processes of a server."""

from __future__ import annotations

import pytest

from autoquality_server.config import ConfigError, Settings, load
from autoquality_server.config.resources import BYTES_A_PIXEL, available_cores, available_memory


def test_zero_workers_are_one_per_core() -> None:
    assert load({"workers": "0"}, {}).settings.workers == available_cores()
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
