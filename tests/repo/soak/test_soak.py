"""A short run of mixed load on a real server; faults are found."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from autoquality import Client
from bench.answers import fault
from bench.serving import MIB, Vitals
from bench.soak.calls import Record, wrong_with
from bench.soak.load import RESTS, Sample, Soaked
from bench.soak.pictures import pictures
from bench.soak.plan import EXPECTED, Call, Plan
from bench.soak.verdict import GROWTH, MORE_DESCRIPTORS, MORE_THREADS, SLOPE, faults, slope
from tests.commands import ROOT
from tests.photos import crop
from tests.servers import NO_NETWORKS, running_server


def test_mixed_load_has_no_faults(tmp_path: Path) -> None:
    short = ("--minutes", "0.12", "--largest", "1", "--networks", "none", "--out", str(tmp_path))
    done = subprocess.run(
        [sys.executable, "-m", "bench.soak", *short],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=280,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "\n| encode | " in done.stdout
    assert "\n| burst | 200 | " in done.stdout
    for name in ("latency.png", "memory.png"):
        assert (tmp_path / name).read_bytes().startswith(b"\x89PNG")


def vitals(rss: float = 500, descriptors: int = 10, threads: int = 50) -> Vitals:
    return Vitals(round(rss * MIB), descriptors, threads)


def soaked(last: Vitals | None = None, *records: Record, started: int | None = None) -> Soaked:
    """A run without faults, except for the arguments."""
    made = [Record("none", "encode", "OK", 1.0, 0.5), *records]
    samples = [Sample(36.0 * number, vitals(rss=500 + number % 7 * 30)) for number in range(101)]
    samples += [Sample(2700.0 + 9 * number, last) for number in range(101) if last]
    rests = [Sample(3600 * part, vitals()) for part in RESTS[:-1]]
    rests.append(Sample(3600.0, last or vitals()))
    return Soaked(0.0, 3600.0, started or len(made), made, samples, rests)


def leaking(mebibytes: float) -> Soaked:
    """A run with a total rise of memory by so many MiB."""
    run = soaked()
    steady = (mebibytes * at / 100 for at in range(101))
    samples = [
        replace(one, vitals=vitals(rss=one.vitals.rss / MIB + more))
        for one, more in zip(run.samples, steady, strict=True)
    ]
    return replace(run, samples=samples)


def test_a_good_run_has_no_faults() -> None:
    assert faults(soaked()) == []


@pytest.mark.parametrize(
    ("run", "fault"),
    [
        (leaking(3 * SLOPE), f"MiB an hour, over {SLOPE:g}"),
        (soaked(vitals(descriptors=11 + MORE_DESCRIPTORS)), "more descriptors in the last pause"),
        (soaked(vitals(threads=51 + MORE_THREADS)), "more threads in the last pause"),
        (soaked(started=3), "2 calls never ended"),
        (replace(soaked(), records=[], started=0), "no call was answered"),
        (replace(soaked(), rests=[]), "the server died"),
        (soaked(None, Record("ml", "encode", "INTERNAL", 1, 1, "ended as INTERNAL")), "INTERNAL"),
    ],
)
def test_every_fault_is_found(run: Soaked, fault: str) -> None:
    found = faults(run)
    assert len(found) == 1
    assert fault in found[0]


def test_a_leak_in_a_short_run_is_found_by_the_least_memory() -> None:
    run = leaking(2 * GROWTH)
    assert any(f"MiB, over {GROWTH}" in line for line in faults(run))


def test_a_temporary_peak_is_no_fault() -> None:
    assert faults(soaked(vitals(rss=500 + 10 * GROWTH))) == []


def test_the_slope_is_in_mebibytes_an_hour() -> None:
    assert slope(soaked()).median == pytest.approx(0)
    leak = slope(leaking(20))
    assert leak.median == pytest.approx(20, rel=0.2)
    assert 0 < leak.low <= leak.median <= leak.high


def test_the_slope_of_a_short_run_is_not_judged() -> None:
    assert any("MiB an hour" in line for line in faults(leaking(3 * SLOPE)))
    assert faults(replace(leaking(3 * SLOPE), seconds=600.0)) == []


def test_the_same_seed_draws_the_same_calls() -> None:
    images = pictures(0.01)
    first, second, other = (Plan(seed, images) for seed in ("a", "a", "b"))
    drawn = [first.draw() for _ in range(200)]
    assert drawn == [second.draw() for _ in range(200)] != [other.draw() for _ in range(200)]
    assert {one.kind for one in drawn} == set(EXPECTED) - {"burst"}


def test_an_answer_that_contradicts_its_image_is_a_fault(tmp_path: Path) -> None:
    [picture] = [one for one in pictures(0.01) if one.name.endswith("0.01.jpg")]
    flags = {"measure": False, "check_dssim": True, "streamed": False}
    call = Call("encode", picture, "dssim", "webp", "", 60, 1, **flags)
    with running_server(tmp_path, NO_NETWORKS) as server, Client(server.address) as client:
        target = "dssim:0.02:10:95:0.005"
        answer = client.encode(picture.file or b"", format="webp", auto_quality=target)
        other = client.encode(crop("coffee.png", 64, 48), format="webp", auto_quality=target)
        jxl = client.encode(crop("coffee.png", 64, 48), format="jxl", quality=80)
    assert wrong_with(call, answer, answer.request_id) is None
    assert answer.dssim is not None
    for wrong, words in (
        (replace(answer, image=answer.image[:-9]), "has"),
        (replace(answer, image=b"", size_bytes=0), "does not decode"),
        (replace(answer, width=answer.width + 1), "claims ('webp'"),
        (replace(answer, image=other.image, size_bytes=other.size_bytes), "claims ('webp'"),
        (replace(answer, iterations=answer.iterations + 1), "encodings"),
        (replace(answer, quality=96), "quality 96 is not from 10 to 95"),
        (replace(answer, dssim=0.03), "claims the target 0.02"),
        (replace(answer, dssim=answer.dssim + 3e-4), "the independent one"),
    ):
        found = wrong_with(call, wrong, answer.request_id)
        assert found is not None
        assert words in found
    assert (
        wrong_with(call, answer, "another") == f"the answer to another is for {answer.request_id}"
    )
    assert fault(jxl, "jxl") is None
    assert "claims (48, 65)" in (fault(replace(jxl, width=65)) or "")
    assert "does not decode" in (fault(replace(jxl, image=b"x", size_bytes=1)) or "")
    assert fault(answer, "avif") == "avif was requested, but the answer is webp"
