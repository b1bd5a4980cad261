"""One command from a folder of images to networks and their report."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from autoquality_core.networks import load
from autoquality_train.cli import train as train_command
from autoquality_train.cli.main import cli
from autoquality_train.examples import Examples
from tests.repo.training.helpers import Recorder, corpus

FORMATS = {"jpeg": "jpeg-mozjpeg", "webp": "webp"}
"""Two of the formats, and the settings that their networks are for: each takes long to train."""


class Interrupted(Recorder):
    """Ctrl-C when the training begins."""

    def fit(self, examples: Examples, metrics: Sequence[str], **how: Any) -> Any:
        raise KeyboardInterrupt


@pytest.fixture(scope="module")
def network() -> Recorder:
    return Recorder()


def run_with(network: Recorder, *arguments: str) -> Result:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(train_command, "load_network", lambda: network)
        done = CliRunner().invoke(cli, arguments)
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done


def command(folder: Path, *quick: str) -> tuple[str, ...]:
    out, formats = str(folder / "out"), ",".join(FORMATS)
    options = (*quick, "--formats", formats, "--jobs", "1")
    return ("run", str(folder / "corpus"), "--out", out, *options)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, network: Recorder) -> Path:
    """A folder that `run` filled."""
    folder = tmp_path_factory.mktemp("run")
    images = corpus(folder / "corpus")
    (images / "photos" / "broken.png").write_bytes(b"no image")
    done = run_with(network, *command(folder, "--quick"))
    assert done.exit_code == 0, done.output
    words = " ".join(done.output.split())
    assert words.endswith("Verdict for WebP: do not use it: --quick only tests the chain.")
    assert "Only 1 judged image: the numbers are mostly chance below 30." in words
    assert "Counted as" in words or "No folder is known" in words
    assert re.search(r"broken\.png: not a readable image", done.output)
    assert "report.html" in done.output
    return folder


def test_every_format_has_a_network_and_its_side_file(trained: Path) -> None:
    for fmt in FORMATS:
        path = trained / "out" / "networks" / f"autoquality-{fmt}.pb"
        info = load(path).info
        assert (info.name, info.metrics) == (path.name, ("dssim", "ssimulacra2"))
        described = json.loads(path.with_suffix(".json").read_text())
        assert described["format"] == fmt
        assert described["corpus"] == {
            "name": "corpus",
            "images": 11,
            "samples": 11,
            "kinds": described["corpus"]["kinds"],
        }
        assert (described["training"]["seed"], described["training"]["epochs"]) == (1, 3)
        assert described["training"]["versions"]["tensorflow"]
        assert described["library_versions"]["libvips"]
        for judged in (described, described["metrics"]["ssimulacra2"]):
            assert judged["accuracy"]["all"]["all"]["images"] == 1
            assert judged["accuracy"]["all"]["all"]["wide"]["qualities"] == [10, 95]


def test_judged_images_were_not_used_for_training(trained: Path, network: Recorder) -> None:
    judged = {one["image"] for one in report(trained)["cases"]}
    learned = {Path(group).name for examples in network.seen for group in examples.groups}
    assert len(judged) == 1
    assert len(learned) == 11
    assert not judged & learned


def test_each_format_learned_from_its_own_curves(network: Recorder, trained: Path) -> None:
    assert [one.setting for one in network.seen[:2]] == list(FORMATS.values())
    assert all(isinstance(one, Examples) for one in network.seen)


@pytest.mark.parametrize(
    ("metric", "errors"), [("dssim", ("0.001", "0.002")), ("ssimulacra2", ("1", "2"))]
)
def test_the_report_has_every_number(trained: Path, metric: str, errors: tuple[str, str]) -> None:
    found = report(trained, metric)
    assert list(found["formats"]) == list(FORMATS)
    assert len(found["cases"]) == len(FORMATS) * 4
    for one in found["formats"].values():
        numbers = one["groups"]["all"]["all"]["ranges"]["wide"]
        assert {"mean", "median", "p95", "worst", "signed_mean"} <= set(numbers["miss"])
        assert tuple(numbers["goals"]) == errors
        for error in errors:
            searches = numbers["goals"][error]["iterations"]
            assert set(searches) == {"network", "first guess", "prior", "secant", "bisection"}
            assert all(1 <= each["mean"] <= each["worst"] for each in searches.values())
        assert sum(one["calibration"]["all"]["transform"]) == 4
    about = found["about"]
    assert about["versions"]["pyvips"]
    assert about["seeds"] == {"samples, split and training": 1}
    assert re.fullmatch(r"[0-9a-f]{64}", about["networks"]["jpeg"]["sha256"])


def test_each_network_is_compared_with_the_bundled_one(trained: Path) -> None:
    for one in report(trained)["formats"].values():
        found = one["verdict"]
        numbers = one["groups"]["all"]["all"]["ranges"]["wide"]["goals"]["0.001"]["iterations"]
        assert found["encodings"] == pytest.approx(numbers["network"]["mean"])
        assert (found["decision"], found["images"]) == ("do not use it", 1)
        assert found["bundled"] >= 1


class Page(HTMLParser):
    """The references of a page; checks that its elements are closed."""

    EMPTY = frozenset({"meta", "link", "img", "br"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.references: list[str] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.references += [
            value or "" for name, value in attrs if name in ("src", "href", "srcset")
        ]
        assert tag != "script"
        if tag not in self.EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.parametrize("metric", ["dssim", "ssimulacra2"])
def test_the_page_loads_no_other_file(trained: Path, metric: str) -> None:
    text = (trained / "out" / "report" / metric / "report.html").read_text()
    page = Page(text)
    assert not page.open
    assert all(one.startswith(("data:", "#")) for one in page.references)
    assert "url(" not in text
    assert "@import" not in text
    shown = [one for one in page.references if one.startswith("data:image/svg+xml")]
    assert len(shown) >= len(FORMATS) * 5
    for words in ("How far predictions miss", "First guesses", "Encodings", "seed of samples"):
        assert words in text
    for words in ("Only 1 judged image", "WebP: do not use it", "--photographs sets them"):
        assert words in text
    assert "{&#39;" not in text  # no value is written as Python's dictionary


@pytest.mark.parametrize("metric", ["dssim", "ssimulacra2"])
def test_the_greatest_misses_are_shown_with_their_curves(trained: Path, metric: str) -> None:
    text = (trained / "out" / "report" / metric / "report.html").read_text()
    missed = {case["format"] for case in report(trained, metric)["cases"] if case["wide"]["miss"]}
    assert missed
    assert text.count('class="thumbnail" src="data:image/webp') == len(missed)
    assert text.count('class="right"') == len(missed)


def test_the_summary_has_every_table_for_each_format(trained: Path) -> None:
    text = (trained / "out" / "report" / "dssim" / "report.md").read_text()
    for heading in ("How far predictions miss", "First guesses", "Encodings"):
        assert text.count(f"## {heading}\n") == len(FORMATS)
    tables = re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE)
    assert len(tables) == 1 + 3 * len(FORMATS)
    for table in tables:
        assert len({line.count("|") for line in table.splitlines()}) == 1


@pytest.mark.parametrize("quick", [("--quick",), ()], ids=["quick", "real"])
def test_a_second_run_encodes_nothing(trained: Path, quick: tuple[str, ...]) -> None:
    folder = trained / "out" / "sweeps"
    before = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    done = run_with(Interrupted(), *command(trained, *quick))
    assert done.exit_code == 130, done.output
    assert re.findall(r"(\d+) sweeps made, (\d+) existed", done.output) == [
        ("0", str(11 * len(FORMATS))),
        ("0", str(len(FORMATS))),
    ]
    assert {path: path.stat().st_mtime_ns for path in folder.iterdir()} == before


def test_single_steps_also_make_networks_and_a_report(
    trained: Path, tmp_path: Path, network: Recorder
) -> None:
    """`label`, `train` and `report`, with other images to judge by; a head is added later."""
    others = corpus(tmp_path / "others", 1)
    sweeps, first, networks, out = (str(tmp_path / one) for one in ("sweeps", "1", "2", "report"))
    chosen = ("--formats", "webp")
    jobs = ("--jobs", "1")
    images = str(trained / "corpus")
    quick = (*chosen, "--epochs", "1", *jobs)
    judging = (
        *("report", str(others), "--sweeps", sweeps, "--out", out),
        *("--metric", "ssimulacra2", *jobs),
    )
    for command in (
        ("label", images, "--out", sweeps, "--qualities", "some", "--settings", "webp", *jobs),
        ("train", images, "--sweeps", sweeps, "--out", first, *quick, "--metrics", "dssim"),
        ("train", images, "--sweeps", sweeps, "--out", networks, *quick, "--base", first),
        ("label", str(others), "--whole", "--out", sweeps, "--settings", "webp", *jobs),
        (*judging, "--networks", networks),
    ):
        done = run_with(network, *command)
        assert done.exit_code == 0, done.output
    found = json.loads(Path(out, "report.json").read_text())
    assert {case["target"] for case in found["cases"]} == {50, 70, 80, 90}
    assert list(found["formats"]) == ["webp"]
    assert set(found["formats"]["webp"]["groups"]) == {"all", "photographs", "graphics"}
    assert not list(Path(networks).glob(".*"))

    refused = run_with(network, *judging, "--networks", first)
    assert refused.exit_code == 1
    assert "autoquality-webp.pb does not predict ssimulacra2" in " ".join(refused.output.split())


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (("--metrics", "ssimulacra2"), "add it to --metrics, or use --base"),
        (("--base", "."), "autoquality-jpeg.pb does not exist"),
    ],
)
def test_a_head_is_added_only_to_a_network(
    trained: Path, tmp_path: Path, network: Recorder, options: tuple[str, ...], why: str
) -> None:
    sweeps = str(trained / "out" / "sweeps")
    command = ("train", str(trained / "corpus"), "--sweeps", sweeps, "--out", str(tmp_path))
    done = run_with(network, *command, *options)
    assert done.exit_code == 1
    assert why in " ".join(done.output.split())


def report(trained: Path, metric: str = "dssim") -> dict:
    found: dict = json.loads((trained / "out" / "report" / metric / "report.json").read_text())
    return found
