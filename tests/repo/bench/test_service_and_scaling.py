"""The benchmarks of the service, its stages and its scaling measure real servers and requests."""

from __future__ import annotations

import io
import os
import time
from pathlib import Path

import pytest
from PIL import Image

from bench.clock import of_process
from bench.images import photograph
from bench.profile import figures as profile_figures
from bench.profile import stages as names
from bench.profile import tables as profile_tables
from bench.profile.__main__ import main as profile_main
from bench.profile.libraries import DECODE_RESULT, ENCODE, libraries
from bench.profile.stages import StageClock, staged
from bench.record import Record, read
from bench.scaling.__main__ import main as scaling_main
from bench.scaling.megapixels import METHODS, megapixels
from bench.scaling.tables import page
from bench.service import pages as service_pages
from bench.service.__main__ import main as service_main
from tests.repo.bench.conftest import Main, Refusal


def one_record(main: Main, arguments: list[str], folder: Path) -> Record:
    assert main([*arguments, "--results", str(folder)]) == 0
    (file,) = folder.iterdir()
    return read(file)


def test_the_memory_of_the_service_is_compared_with_a_bare_codec(tmp_path: Path) -> None:
    tiny = ["--rounds", "1", "--large", "0.1"]
    record = one_record(
        service_main, [*tiny, "--requests", "12", "--formats", "webp"], tmp_path / "results"
    )
    found = {(one.what, one.by): one for one in record.measures}
    assert len(record.find(what="memory a pixel")) == 7
    assert found["memory a pixel", "bare codec"].value > 0
    held = record.find(what="memory over requests")
    assert [one.count for one in held] == [1, 2, 3, 4, 6, 7, 8, 9, 10, 12]
    assert held[-1].value == found["memory after all", "service"].value > 50
    growth = found["memory after all", "service"].value / held[0].value - 1
    assert found["growth of memory", "service"].value == pytest.approx(growth, abs=1e-3)
    text = service_pages.page(record)
    assert "Memory was measured over 12 requests, not over 10000." in text
    assert "| growth of memory | service | all formats | 12 requests |" in text
    (drawn,) = service_pages.plots(record).values()
    assert drawn.startswith(b"\x89PNG")
    assert all(one.value > 0 for one in record.find(what="DSSIM kernel"))


def test_scaling_is_measured_by_size_by_callers_and_by_cores(tmp_path: Path) -> None:
    tiny = ["--megapixels", "0.02", "0.05", "--settings", "jpeg", "--repeats", "1"]
    record = one_record(
        scaling_main, [*tiny, "--callers", "1", "3", "--seconds", "0.2"], tmp_path / "results"
    )
    goals = [one.goal for one in record.find(what="throughput")]
    assert goals[:2] == ["1 callers", "3 callers"] and "1 cores" in goals
    assert {one.by for one in record.find(setting="jpeg", goal="0.05")} == set(METHODS)
    assert "| 0.05 MP |" in page(record)


def test_sizes_that_would_take_too_long_are_skipped_and_reported() -> None:
    skipped: list[str] = []
    found = list(megapixels([0.02, 5.0], ["webp"], 0.05, 1, skipped.append))
    assert {one.goal for one in found if one.by == "none"} == {"0.02"}
    assert skipped[0].startswith("webp by none: nothing above 0.0 megapixels")


def test_a_profile_has_every_stage_of_a_request(tmp_path: Path) -> None:
    tiny = ["--megapixels", "0.05", "--repeats", "1"]
    record = one_record(profile_main, tiny, tmp_path / "results")
    for total in record.find(what="request"):
        named = {"setting": total.setting, "goal": total.goal}
        stages = {one.by: one for one in record.find(what="stage", **named)}
        assert sum(one.value for one in stages.values()) == pytest.approx(total.value, rel=0.01)
        assert set(stages) <= set(names.STAGES)
        wanted = {ENCODE, names.SOURCE, names.HEADER, names.VALIDATE, names.REST}
        if total.goal != "none":
            wanted |= {names.PRIOR, names.SEARCH}
        if total.goal in ("dssim", "ssimulacra2", "ml"):
            wanted |= {DECODE_RESULT, names.METRIC, names.MOMENTS}
        if total.goal in ("dssim", "ml"):
            wanted.add(names.LUMA)
        assert wanted <= set(stages)
        # Networks and features are used only if they save time.
        assert names.NETWORK in stages or total.goal != "ml"
        assert record.find(what="function", **named)
    made = {(one.goal, one.setting) for one in record.find(what="request")}
    settings = ("jpeg", "jpeg-mozjpeg", "webp", "avif", "jxl")
    methods = ("none", "size", "dssim", "ssimulacra2")
    searching = {(method, setting) for method in methods for setting in settings}
    assert made == searching | {("ml", setting) for setting in settings[1:]}
    assert any(one.by == names.FEATURES for one in record.measures)
    text = profile_tables.page(record)
    by = {(*one, side): name for one in made for side, name in libraries(record, *one).items()}
    assert by["none", "jpeg-mozjpeg", ENCODE] == "mozjpeg by libvips"
    assert by["dssim", "webp", ENCODE].startswith("libwebp by ")
    assert by["dssim", "avif", DECODE_RESULT] == "libavif by imagecodecs"
    assert by["ssimulacra2", "jxl", ENCODE] == "libjxl by imagecodecs"
    assert ("none", "avif", DECODE_RESULT) not in by
    assert "| none | JPEG, best mozjpeg | mozjpeg by libvips | – |" in text
    (picture_,) = profile_figures.plots(record).values()
    with Image.open(io.BytesIO(picture_)) as drawn:
        assert drawn.format == "PNG" and drawn.info["Source"] == record.file_name


def test_a_stage_excludes_the_stages_inside_it() -> None:
    clock = StageClock()

    def spin(seconds: float) -> None:
        end = time.process_time() + seconds
        while time.process_time() < end:
            pass

    inner = clock.timed("inner", spin)
    with staged(clock), clock.running("outer"):
        spin(0.02)
        inner(0.04)
    assert clock.seconds["inner"] >= 0.04
    assert 0.02 <= clock.seconds["outer"] < 0.04


@pytest.mark.parametrize(
    ("main", "arguments", "field"),
    [
        (service_main, ["--rounds", "-1"], "--rounds"),
        (scaling_main, ["--megapixels", "3", "1"], "--megapixels"),
        (scaling_main, ["--callers", "0"], "--callers"),
        (scaling_main, ["--seconds", "-1"], "--seconds"),
        (profile_main, ["--megapixels", "0"], "--megapixels"),
        (profile_main, ["--repeats", "0"], "--repeats"),
    ],
)
def test_a_wrong_argument_is_refused(
    refusal: Refusal, main: Main, arguments: list[str], field: str
) -> None:
    assert field in refusal(main, arguments)


def test_a_photograph_has_the_requested_size() -> None:
    for megapixels_ in (0.01, 0.4, 3.0):
        data, size = photograph(megapixels_)
        assert data[:2] == b"\xff\xd8" and abs(size / megapixels_ - 1) < 0.02


def test_the_clock_of_a_process_is_its_processor_time() -> None:
    before = time.process_time()
    assert before <= of_process(os.getpid()) <= time.process_time()
