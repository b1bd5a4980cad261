"""The resources of the machine, and warnings if they are scarce."""

from __future__ import annotations

import resource
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
        return machine.most_memory(Settings(predictor_device=device, **networks))

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


@pytest.mark.parametrize(
    ("grpc", "metrics", "verdict"),
    [
        ("127.0.0.1:50999", "127.0.0.1:50999", Verdict.FAILED),
        ("0.0.0.0:50999", "127.0.0.1:50999", Verdict.FAILED),
        ("127.0.0.1:0", "127.0.0.1:0", Verdict.OK),
        ("127.0.0.1:0", "", Verdict.OK),
        ("unix:/tmp/autoquality-of-nobody", "127.0.0.1:0", Verdict.OK),
    ],
)
def test_grpc_and_metrics_cannot_have_one_port(grpc: str, metrics: str, verdict: Verdict) -> None:
    _, found = access.check_addresses(Settings(listen=grpc, metrics_listen=metrics))
    assert found.verdict is verdict


def test_the_port_for_health_checks_is_checked_too() -> None:
    local = {"listen": "127.0.0.1:0", "metrics_listen": "127.0.0.1:50999"}
    _, *found = access.check_addresses(Settings(health_listen="127.0.0.1:50999", **local))
    assert [one.part for one in found] == ["health", "metrics"]
    assert found[1].text == "AUTOQUALITY_METRICS_LISTEN: 127.0.0.1:50999 is the address of health"


def test_a_wrong_setting_outweighs_a_failure_and_that_a_warning() -> None:
    findings = [Finding("x", verdict, "") for verdict in Verdict]
    assert [worst(findings[:count]) for count in range(5)] == [Verdict.OK, *Verdict]
    assert [verdict.exit_code for verdict in Verdict] == [0, 0, 1, 2]


@pytest.mark.parametrize(
    ("size", "text"), [(0, "0 B"), (1536, "1.5 KiB"), (64 * 2**20, "64 MiB"), (2**41, "2 TiB")]
)
def test_sizes_have_units(size: int, text: str) -> None:
    assert in_units(size) == text
