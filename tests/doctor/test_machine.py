"""The resources of the machine, and warnings if they are scarce."""

from __future__ import annotations

import resource
import socket
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest

from autoquality_core.runtime.allocator import arenas
from autoquality_core.types import Device
from autoquality_server.cli.doctor import access, machine
from autoquality_server.cli.doctor.report import Finding, Verdict, in_units, worst
from autoquality_server.config import Settings
from autoquality_server.config.resources import available_cores


def look(environ: Mapping[str, str] | None = None, **settings: int) -> dict[str, Finding]:
    return {one.part: one for one in machine.check_machine(Settings(**settings), environ or {})}


@contextmanager
def open_files(limit: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_more_workers_than_cores_are_a_warning() -> None:
    cores = available_cores()
    assert look(workers=cores)["cores"].verdict is Verdict.OK
    assert look(workers=cores + 1)["cores"].verdict is Verdict.WARNING


def test_the_workers_of_all_processes_count() -> None:
    cores = available_cores()
    found = look(processes=cores + 1)["cores"]
    assert found.verdict is Verdict.WARNING
    assert f"{cores} for {cores + 1} processes, {cores + 1} workers in total" in found.text


def test_every_process_needs_memory_of_its_own() -> None:
    """Each process gets memory for at least one image."""
    one, four = (machine.most_memory(Settings(workers=1, processes=n)) for n in (1, 4))
    assert four == 4 * one + machine.SUPERVISOR
    found = look(workers=1, processes=256)["memory"]
    assert found.verdict is Verdict.WARNING
    assert found.text.endswith("or AUTOQUALITY_PROCESSES")


def test_networks_that_tensorflow_may_run_need_more_memory() -> None:
    def most(device: Device = Device.CPU, **networks: Any) -> int:
        return machine.most_memory(Settings(processes=1, predictor_device=device, **networks))

    least = most(jpeg_net="none", webp_net="none", avif_net="none", jxl_net="none")
    assert most() == least + machine.WITH_NETWORKS
    assert most(webp_net="/networks/webp.pb") == least + machine.WITH_TENSORFLOW
    assert most(Device.GPU) == least + machine.WITH_TENSORFLOW


def test_images_that_do_not_fit_into_memory_are_a_warning() -> None:
    assert look(workers=1, max_resolution=1)["memory"].verdict is Verdict.OK
    found = look(workers=1, max_resolution=1e6)["memory"]
    assert found.verdict is Verdict.WARNING
    assert "lower AUTOQUALITY_MAX_RESOLUTION or AUTOQUALITY_MAX_RESOLUTION_IN_FLIGHT" in found.text


def test_many_arenas_are_a_warning() -> None:
    assert look()["allocator"] == Finding("allocator", Verdict.OK, "glibc with 2 arenas")
    found = look({"MALLOC_ARENA_MAX": "64"})["allocator"]
    assert found.verdict is Verdict.WARNING
    assert found.text.startswith("glibc with 64 arenas (MALLOC_ARENA_MAX)")


def test_arenas_are_those_of_the_variable_or_the_servers_own() -> None:
    assert arenas({"MALLOC_ARENA_MAX": "4"}) == 4
    assert arenas({}) == arenas({"MALLOC_ARENA_MAX": "many"}) == 2


def test_few_open_files_are_a_warning() -> None:
    with open_files(256):
        found = look()["open files"]
    assert (found.verdict, found.text) == (
        Verdict.WARNING,
        "at most 256: each connection needs one",
    )


def test_no_place_for_temporary_files_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", "/nonexistent")
    found = look()["temporary files"]
    assert found.verdict is Verdict.FAILED
    assert "no such file or directory): set TMPDIR" in found.text


@pytest.mark.parametrize("taken", ["listen", "health_listen", "metrics_listen"])
def test_the_address_of_another_program_fails(taken: str) -> None:
    free = {
        "listen": "127.0.0.1:0",
        "health_listen": "unix:/tmp/autoquality-of-nobody",
        "metrics_listen": "127.0.0.1:0",
    }
    with socket.create_server(("127.0.0.1", 0)) as other:
        settings = Settings(**{**free, taken: f"127.0.0.1:{other.getsockname()[1]}"})
        found = list(access.check_addresses(settings))
    assert [one.part for one in found] == ["gRPC", "health", "metrics"]
    failed = [one for one in found if one.verdict is Verdict.FAILED]
    assert [one.text.partition(":")[0] for one in failed] == [f"AUTOQUALITY_{taken.upper()}"]
    assert failed[0].text.endswith("address already in use")


def test_metrics_that_are_not_served_need_no_address() -> None:
    _, found = access.check_addresses(Settings(listen="127.0.0.1:0", metrics_listen=""))
    assert (found.verdict, found.text) == (Verdict.OK, "not served")


def test_a_wrong_setting_outweighs_a_failure_and_that_a_warning() -> None:
    findings = [Finding("x", verdict, "") for verdict in Verdict]
    assert [worst(findings[:count]) for count in range(5)] == [Verdict.OK, *Verdict]
    assert [verdict.exit_code for verdict in Verdict] == [0, 0, 1, 2]


@pytest.mark.parametrize(
    ("size", "text"), [(0, "0 B"), (1536, "1.5 KiB"), (64 * 2**20, "64 MiB"), (2**41, "2 TiB")]
)
def test_sizes_have_units(size: int, text: str) -> None:
    assert in_units(size) == text
