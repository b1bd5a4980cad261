"""The clients in examples/ do what they show, with a real server behind TLS and a token.

`make examples-all` builds them first, and `make examples` those that it tests.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pyvips
import trustme

from tests.authorities import TlsFiles
from tests.photos import photo_path
from tests.servers import NO_NETWORKS, running_server

ROOT = Path(__file__).parents[2]
PROGRAMS = {
    "go": [
        str(ROOT / "build/examples/go-client"),
        f"--service-config={ROOT}/protos/service-config.json",
    ],
    "typescript": ["node", str(ROOT / "examples/typescript/dist/main.js")],
    "java": ["java", "-jar", str(ROOT / "examples/java/target/autoquality-client.jar")],
    "rust": [str(ROOT / "build/examples/rust-client")],
}


@dataclass(frozen=True)
class Secured:
    """A server, and what its clients need."""

    address: str
    ca: Path
    token: Path


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    folder = tmp_path_factory.mktemp("secured")
    authority = trustme.CA()
    files = TlsFiles.of(folder, authority)
    token = folder / "token"
    token.write_text(secrets.token_urlsafe(24) + "\n")
    settings = files.settings | {"token_file": os.fspath(token)}
    environment = {f"AUTOQUALITY_{name.upper()}": text for name, text in settings.items()}
    with running_server(folder, NO_NETWORKS | environment) as running:
        yield Secured(running.address, files.client_ca, token)


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A photograph that is too large for one message by gRPC's default limits."""
    image = pyvips.Image.new_from_file(str(photo_path("coffee.png"))).resize(3)
    noise = pyvips.Image.gaussnoise(image.width, image.height, mean=0, sigma=8, seed=1)
    path = tmp_path_factory.mktemp("photograph") / "large.png"
    (image + noise).cast("uchar").pngsave(str(path), compression=1)
    assert path.stat().st_size > 4 * 2**20
    return path


@pytest.fixture(params=PROGRAMS)
def run(
    request: pytest.FixtureRequest, large: Path
) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run a client on two photographs."""

    def with_flags(*flags: str) -> subprocess.CompletedProcess[str]:
        photographs = [str(photo_path("coffee.png")), str(large)]
        command = [*PROGRAMS[request.param], *flags, *photographs]
        return subprocess.run(command, capture_output=True, text=True, timeout=120)

    return with_flags


def test_it_encodes_streams_and_reads_errors(
    run: Callable[..., subprocess.CompletedProcess[str]], server: Secured
) -> None:
    done = run(f"--server={server.address}", f"--ca={server.ca}", f"--token-file={server.token}")
    assert done.returncode == 0, done.stderr
    by_score, by_size, *progress = done.stdout.splitlines()
    assert by_score.startswith("FORMAT_WEBP: quality ")
    assert "OUTCOME_TARGET_MET" in by_score
    assert int(by_size.split()[3]) <= 50_000
    assert "OUTCOME_TARGET_MET" in by_size
    assert progress[0].strip() == "STAGE_ACCEPTED"
    assert any("tried quality" in line for line in progress)
    for part in ("INVALID_FIELD", "field auto_quality.min_quality: ", "field background: "):
        assert part in done.stdout
    assert "request id: " in done.stdout


def test_without_a_token_it_reports_the_refusal(
    run: Callable[..., subprocess.CompletedProcess[str]], server: Secured
) -> None:
    done = run(f"--server={server.address}", f"--ca={server.ca}")
    assert done.returncode == 1
    assert "reason: TOKEN_MISSING" in done.stderr


@pytest.mark.parametrize("arguments", [["nothing.png", "nothing.png"], ["--unknown"]])
@pytest.mark.parametrize("program", ["go", "typescript", "java"])
def test_a_wrong_argument_gives_a_sentence_and_no_stack(
    program: str, arguments: list[str], tmp_path: Path
) -> None:
    command = [*PROGRAMS[program], *arguments]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode != 0
    assert "nothing.png" in done.stderr or "unknown" in done.stderr
    assert not re.search(r"^\s+at ", done.stderr, re.MULTILINE), "a stack of JavaScript or Java"


def test_load_checks_and_counts_every_answer(server: Secured) -> None:
    secured = [f"-server={server.address}", f"-ca={server.ca}", f"-token-file={server.token}"]
    load = ["-callers=4", "-connections=2", "-requests=8", "-method=dssim", "-format=webp"]
    command = [str(ROOT / "build/examples/load"), *secured, *load, "-json"]
    images = [str(photo_path("coffee.png")), str(photo_path("chelsea.png"))]
    done = subprocess.run([*command, *images], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["statuses"] == {"OK": 8}
    assert sum(report["outcomes"].values()) == 8
    assert report["wrong"] == []
    waits = report["waits_ms"]
    assert 0 < waits["p50"] <= waits["p90"] <= waits["p99"] <= waits["max"]
    assert 0 < report["client_cpu_seconds"] < report["seconds"]


def test_load_fails_if_no_call_succeeds(server: Secured) -> None:
    command = [str(ROOT / "build/examples/load"), f"-server={server.address}", f"-ca={server.ca}"]
    image = str(photo_path("coffee.png"))
    done = subprocess.run(
        [*command, "-requests=1", "-warm-up=0", image], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 1
    assert "Unauthenticated: " in done.stdout
