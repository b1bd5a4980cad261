"""The supervisor's own life is that of all its processes."""

from __future__ import annotations

import json
import os
import resource
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.faults.conftest import PHOTO, Fleet, Waiting, fleets
from tests.faults.faulty import GATE, WAITS
from tests.faults.test_crashes import HANDLED, restarts
from tests.rpc.conftest import ROOT
from tests.servers import NO_NETWORKS, clean_environment
from tests.waiting import LIMIT, until


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """Two processes for tests that change nothing."""
    with fleets(tmp_path_factory.mktemp("fleet")) as start:
        yield start()


def gone(pid: int) -> bool:
    """True if there is no such process, or only a zombie."""
    try:
        return ") Z " in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return True


def nobody_has(port: int) -> bool:
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True


def start_of(**variables: str) -> subprocess.CompletedProcess[str]:
    environ = {f"AUTOQUALITY_{name}": text for name, text in variables.items()}
    return subprocess.run(
        [sys.executable, "-m", "autoquality_server"],
        env={**clean_environment(), **NO_NETWORKS, "AUTOQUALITY_METRICS_LISTEN": "off", **environ},
        cwd=ROOT,
        capture_output=True,
        text=True,
    )


def test_the_processes_finish_what_they_have_accepted(
    start_fleet: Callable[..., Fleet], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    systemd = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    systemd.bind(str(tmp_path / "notify"))
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    fleet = start_fleet(WORKERS="8")
    waiting = Waiting(fleet, 6)
    fleet.process.terminate()
    until(lambda: len(fleet.lines("draining")) == 3)
    assert fleet.metrics["autoquality_requests_in_flight"] == 6
    fleet.touch(GATE)
    assert waiting.answers() == [WAITS] * 6
    assert fleet.process.wait(LIMIT) == 0
    assert [line["cut_off"] for line in fleet.lines("stopped")] == [0] * 2
    assert nobody_has(fleet.port)
    with systemd:  # only the supervisor reports to it
        systemd.setblocking(False)
        assert [systemd.recv(100), systemd.recv(100)] == [b"READY=1", b"STOPPING=1"]
        with pytest.raises(BlockingIOError):
            systemd.recv(100)


def test_what_exceeds_the_drain_timeout_is_cut_off_and_a_second_signal_ends_all_at_once(
    start_fleet: Callable[..., Fleet],
) -> None:
    """By SIGINT as by SIGTERM."""
    cut, left = start_fleet(DRAIN_TIMEOUT="0.2"), start_fleet(DRAIN_TIMEOUT="3600")
    pids = left.pids()
    for fleet, number in ((cut, signal.SIGINT), (left, signal.SIGTERM)):
        fleet.waiting = Waiting(fleet, 1)  # type: ignore[attr-defined]
        fleet.process.send_signal(number)
    assert cut.process.wait(LIMIT) == 1
    until(lambda: left.lines("draining"))
    left.process.send_signal(signal.SIGHUP)  # no second signal
    left.process.terminate()
    assert left.process.wait(LIMIT) == 128 + signal.SIGTERM
    until(lambda: all(map(gone, pids)))


def test_the_supervisor_loads_nothing_that_can_crash_it(fleet: Fleet) -> None:
    dangerous = ("vips", "imagecodecs", "llvmlite", "tensorflow")

    def loaded(pid: int) -> list[str]:
        maps = Path(f"/proc/{pid}/maps").read_text()
        return [name for name in dangerous if name in maps]

    assert "vips" in loaded(fleet.pids()[0])
    assert loaded(fleet.process.pid) == []
    assert len(fleet.lines("process ready")) == 2


def test_no_process_outlives_a_supervisor_that_is_killed(
    start_fleet: Callable[..., Fleet],
) -> None:
    fleet = start_fleet()
    pids = fleet.pids()
    assert len(pids) == 2
    fleet.process.kill()
    until(lambda: all(map(gone, pids)))
    until(lambda: nobody_has(fleet.port))


def test_one_that_is_asked_to_end_finishes_and_is_replaced_and_what_it_counted_stays(
    start_fleet: Callable[..., Fleet],
) -> None:
    fleet = start_fleet(WORKERS="1")
    for _ in range(4):
        with fleet.client(retries=0) as client:
            client.encode(PHOTO, format="webp", quality=50)
    for pid in fleet.pids():
        os.kill(pid, signal.SIGTERM)
    until(lambda: restarts(fleet, "exit") == 2)
    assert fleet.metrics[HANDLED] == 4
    assert [line["reason"] for line in fleet.lines("process ended")] == ["exit status 0"] * 2
    until(lambda: fleet.ready == 2)
    assert fleet.metrics["autoquality_workers"] == 2


def proc(pid: int, field: int) -> float:
    """Return a field of the /proc/PID/stat, counted from 1."""
    return float(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[field - 3])


def test_the_process_metrics_are_those_of_the_supervisor_and_its_processes_together(
    fleet: Fleet,
) -> None:
    pids = [fleet.process.pid, *fleet.pids()]
    ticks, page = os.sysconf("SC_CLK_TCK"), os.sysconf("SC_PAGE_SIZE")
    cpu_before = sum(proc(pid, 14) + proc(pid, 15) for pid in pids) / ticks
    metrics = fleet.metrics
    cpu_after = sum(proc(pid, 14) + proc(pid, 15) for pid in pids) / ticks
    assert cpu_before - 0.1 <= metrics["process_cpu_seconds_total"] <= cpu_after + 0.1
    resident = sum(proc(pid, 24) for pid in pids) * page
    assert metrics["process_resident_memory_bytes"] == pytest.approx(resident, rel=0.1)
    virtual = sum(proc(pid, 23) for pid in pids)
    assert metrics["process_virtual_memory_bytes"] == pytest.approx(virtual, rel=0.1)
    files = sum(len(list(Path(f"/proc/{pid}/fd").iterdir())) for pid in pids)
    # Each of them has one more while it counts, and for each connection that asks; one has 11.
    assert -2 <= metrics["process_open_fds"] - files <= 9
    assert metrics["process_max_fds"] == resource.prlimit(pids[0], resource.RLIMIT_NOFILE)[0]
    (boot,) = (
        float(line.split()[1])
        for line in Path("/proc/stat").read_text().splitlines()
        if line.startswith("btime")
    )
    first = boot + min(proc(pid, 22) for pid in pids) / ticks
    assert metrics["process_start_time_seconds"] == pytest.approx(first, abs=1)


def test_a_second_server_is_refused_the_port_of_the_first_with_one_line_and_status_1(
    fleet: Fleet,
) -> None:
    for processes in ("1", "2"):
        done = start_of(LISTEN=fleet.address, PROCESSES=processes, LOG_LEVEL="error")
        assert (done.returncode, done.stderr.count("\n")) == (1, 1)
        assert json.loads(done.stderr)["error"] == (
            f"AUTOQUALITY_LISTEN: cannot listen on {fleet.address}: address already in use"
        )


def test_a_start_error_of_all_processes_is_logged_once_and_ends_the_supervisor(
    tmp_path: Path,
) -> None:
    for name in ("cert", "key"):
        (tmp_path / name).write_text("nothing")
    done = start_of(
        LISTEN="127.0.0.1:0",
        PROCESSES="3",
        LOG_LEVEL="error",
        TLS_CERT=str(tmp_path / "cert"),
        TLS_KEY=str(tmp_path / "key"),
    )
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert json.loads(done.stderr)["error"].startswith("AUTOQUALITY_TLS_")


def test_processes_cannot_share_a_unix_socket(tmp_path: Path) -> None:
    done = start_of(LISTEN=f"unix:{tmp_path}/socket", PROCESSES="2")
    assert done.returncode == 2
    assert json.loads(done.stderr)["error"] == (
        "AUTOQUALITY_PROCESSES: must be 1 with a Unix socket "
        "(AUTOQUALITY_LISTEN), which processes cannot share, not 2"
    )
