"""The comparison gives every tool the same tasks, and measures the results itself."""

from __future__ import annotations

import io
from dataclasses import replace
from itertools import cycle
from pathlib import Path

import pytest
from PIL import Image

from autoquality_core.types import Method, ResolvedTarget
from autoquality_train.labels.sweeps import NETWORKS
from bench.clock import CommandFailed, Spent, command
from bench.compare import __main__ as compare
from bench.compare.commands import commands
from bench.compare.curve import Curve
from bench.compare.ours import Ours, floor, none, searches
from bench.compare.pillow import loops
from bench.compare.run import Plan, run
from bench.compare.subject import load
from bench.compare.summary import measures
from bench.compare.tables import our_cost
from bench.compare.task import NAMES, Entrant, Entry, Row, Task
from bench.record import Measure, read, record_of
from tests.photos import crop, with_alpha
from tests.repo.bench.conftest import Refusal

RIVALS = {
    *("bisection", "secant", "Pillow, quality -= 5", "Pillow, bisection", "thumbor max_bytes"),
    *("Pillow + scikit-image, bisection", "jpegoptim --size", "ImageMagick jpeg:extent"),
    *("cwebp -size", "cwebp -psnr", "guetzli"),
}


def test_one_tiny_image_goes_through_every_tool(
    rivals: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    images = tmp_path / "images"
    images.mkdir()
    # The budget of jpegoptim is in whole kilobytes.
    (images / "coffee.png").write_bytes(crop("coffee.png", 128, 96))
    folder = tmp_path / "results"
    once = ["--targets", "0.02", "--budgets", "80", "--repeats", "1", "--results", str(folder)]
    assert compare.main([str(images), *once, "--guetzli", "1"]) == 0
    said = capsys.readouterr().out
    (file,) = folder.iterdir()
    record = read(file)
    # Sizes are not compared for searches with our encoders.
    others = RIVALS - {"bisection", "secant"}
    assert {one.by for one in record.find(what="size at equal DSSIM")} == others
    assert {one.by for one in record.find(what="time over ours")} == RIVALS
    for by in RIVALS:
        assert f"| {by} |" in said
        times = record.find(what="wall time", by=by)
        # Without its start-up, a command may take no time for a tiny image.
        assert times and all(one.value >= 0 for one in times)
    costs = record.find(what="cost over none")
    methods = ("size", "size, two at a time", "dssim", "ssimulacra2")
    searching = {(f"autoquality {one}", each) for one in methods for each in NAMES}
    predicting = {("autoquality ml", each) for each in {*NETWORKS.values()} & NAMES.keys()}
    assert {(one.by, one.setting) for one in costs} == searching | predicting
    assert record.arguments["images"]["count"] == 1
    assert record.versions["jpegoptim"] and record.versions["cwebp"]


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ([], "give images or --quick"),
        (["--quick", "photo.png"], "give images or --quick"),
        (["empty"], "no images among the arguments"),
        (["broken.png"], "broken.png"),
        (["--quick", "--targets", "2"], "--targets"),
        (["--quick", "--targets", "nan"], "--targets"),
        (["--quick", "--budgets", "101"], "--budgets"),
        (["--quick", "--repeats", "0"], "--repeats"),
        (["--quick", "--guetzli", "-1"], "--guetzli"),
        (["--quick", "--rivals", "gimp"], "'gimp' is unknown; there are bisection"),
        (["--quick", "--settings", "gif"], "--settings"),
    ],
)
def test_a_wrong_argument_is_refused_by_its_name(
    rivals: Path, refusal: Refusal, arguments: list[str], field: str
) -> None:
    assert field in refusal(compare.main, arguments)


def task(tmp_path: Path, setting: str, resolved: ResolvedTarget) -> Task:
    path = tmp_path / "image.png"
    path.write_bytes(crop("astronaut.png", 160, 120))
    return Task(load(path, tmp_path), setting, resolved, "10-95")


def test_loops_and_searches_stay_within_the_budget(tmp_path: Path) -> None:
    given = task(tmp_path, "jpeg", ResolvedTarget(Method.SIZE, 4000, 10, 95, 0.0))
    ours = Ours(Method.SIZE, {}).encode(given)
    entrants: list[Entrant] = [*searches(), *loops()]
    for one in entrants:
        if one.enters(given):
            entry = one.encode(given)
            assert len(entry.data) <= 4000, one.name
            assert entry.encodings is not None and entry.encodings >= 2
    assert len(ours.data) <= 4000 and ours.met


def test_the_loop_of_thumbor_gives_up_with_its_first_file(tmp_path: Path) -> None:
    given = task(tmp_path, "jpeg", ResolvedTarget(Method.SIZE, 10, 10, 95, 0.0))
    loop = next(one for one in loops() if one.name == "thumbor max_bytes")
    assert len(loop.encode(given).data) > 4000


def test_loops_for_a_dssim_reach_it_by_our_metric(tmp_path: Path) -> None:
    given = task(tmp_path, "webp", ResolvedTarget(Method.DSSIM, 0.02, 10, 95, 0.002))
    entrants: list[Entrant] = [*searches(), *loops()]
    for one in entrants:
        if one.enters(given):
            assert abs(given.subject.score(one.encode(given).data) - 0.02) < 0.004, one.name


def test_guetzli_gets_a_limited_number_of_images(rivals: Path, tmp_path: Path) -> None:
    (guetzli,) = (one for one in commands(guetzli_images=1) if one.name == "guetzli")
    resolved = ResolvedTarget(Method.DSSIM, 0.02, 10, 95, 0.001)
    first = task(tmp_path, "jpeg-mozjpeg", resolved)
    (tmp_path / "other.png").write_bytes(crop("coffee.png", 64, 48))
    other = Task(load(tmp_path / "other.png", tmp_path), "jpeg-mozjpeg", resolved, "10-95")
    assert [guetzli.enters(one) for one in (first, other, first)] == [True, False, True]


def test_an_image_with_alpha_is_converted_for_all_tools(tmp_path: Path) -> None:
    path = tmp_path / "alpha.png"
    path.write_bytes(with_alpha())
    subject = load(path, tmp_path)
    assert Image.open(io.BytesIO(subject.source)).mode == "RGB"
    assert subject.score(subject.source) == 0


def test_a_curve_returns_the_bytes_of_its_encodings(tmp_path: Path) -> None:
    curve = Curve(
        task(tmp_path, "jpeg", ResolvedTarget(Method.DSSIM, 0.02, 10, 95, 0.001)).subject, "jpeg"
    )
    for quality in (20, 55, 90):
        size, dssim = curve.at(quality)
        found = curve.bytes_at_dssim(dssim)
        assert found is not None and 0.93 * size < found <= 1.001 * size
    assert curve.bytes_at_dssim(0.9) is None


def test_costs_are_relative_to_the_same_image_and_quality(tmp_path: Path) -> None:
    given = task(tmp_path, "jpeg", ResolvedTarget(Method.DSSIM, 0.02, 10, 95, 0.001))
    (row, *_) = run([given.subject], [Ours(Method.DSSIM, {})], [], PLAN, lambda _: None)
    assert row.quality is not None and row.none is not None and row.floor is not None
    assert none(given, row.quality).cpu > 0 and floor(given, row.quality).cpu > 0
    costs = {one.what: one for one in measures([row])}
    assert costs["cost over none"].value == pytest.approx(row.cpu / row.none, rel=1e-3)
    assert costs["cost over the floor"].value == pytest.approx(row.cpu / row.floor, rel=1e-3)


PLAN = Plan(settings=("jpeg",), targets=(0.02,), scores=(), budgets=(), repeats=1)


def row(entrant: str, cpu: float, size: int = 900) -> Row:
    return Row(
        "a", 1.0, "jpeg", "10-95", "size", 1000.0, 0.001, entrant, size, 0.02, 0.02, cpu, cpu,
        encodings=3, none=1.0, floor=2.0,
    )  # fmt: skip


def test_other_tools_are_compared_with_ours_on_the_same_task() -> None:
    found = measures([row("autoquality size", 2.0), row("rival", 5.0, 1100)])
    by_name = {(one.what, one.by): one for one in found}
    assert by_name["time over ours", "rival"].value == 2.5
    assert by_name["over budget", "rival"].value == 1.0
    assert by_name["budget used", "autoquality size"].value == 0.9
    cost: Measure = by_name["cost over none", "autoquality size"]
    assert (cost.value, cost.wanted, cost.within_limit) == (2.0, 2.2, True)


def test_the_table_shows_wall_clock_time_next_to_processor_time() -> None:
    one = replace(row("autoquality size", 2.0), wall=1.25, none_wall=0.5)
    header, _, line = our_cost(record_of("compare", measures([one]), {})).splitlines()
    cells = dict(zip(header.split(" | "), line.split(" | "), strict=True))
    assert cells["ms a megapixel"] == "2000"
    assert cells["wall clock"] == "2.50"


def test_the_least_of_both_times_counts(tmp_path: Path) -> None:
    spent = cycle([Spent(2.0, 1.0), Spent(1.0, 3.0)])

    class Timed(Ours):
        """Our method with made times."""

        def encode(self, task: Task) -> Entry:
            return replace(super().encode(task), spent=next(spent))

    given = task(tmp_path, "jpeg", ResolvedTarget(Method.DSSIM, 0.02, 10, 95, 0.001))
    twice = replace(PLAN, repeats=2)
    rows = run([given.subject], [Timed(Method.DSSIM, {})], [], twice, lambda _: None)
    assert {(one.cpu, one.wall) for one in rows} == {(1.0, 1.0)}


def test_a_failed_command_is_reported_with_its_output() -> None:
    with pytest.raises(CommandFailed, match="exit 3: out of luck"):
        command(["/bin/sh", "-c", "echo out of luck >&2; exit 3"])
    spent: Spent = command(["/bin/sh", "-c", "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done"])
    assert spent.cpu > 0


def test_missing_programs_are_named(tmp_path: Path) -> None:
    with pytest.raises(CommandFailed, match="jpegoptim, convert, cwebp, guetzli: not in"):
        commands(tmp_path)
