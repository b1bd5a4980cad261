"""Builds the images, tests them as a cluster would run them, and records their sizes.

Needs the root user, buildah and runc, and debootstrap without --base. Every container has
a read-only root, its own user and no capabilities. The compiled loops are in a folder that it may
write, as in deploy/kubernetes. Stops with the first thing that is wrong.

    python -m bench.container                        the images cpu and slim
    python -m bench.container --base python:3.11-slim-bookworm cpu slim gpu
"""

from __future__ import annotations

import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from autoquality import AvifOptions, Client, Encoded
from bench.answers import fault
from bench.command import parser
from bench.container.build import BASE, build, make_base, packages, size_of
from bench.container.run import PORTS, Image, Running, opened, run, serving
from bench.container.tables import page
from bench.record import FOLDER, Measure, record_of
from bench.record.changes import finish
from bench.serving import MIB, metric_at
from tests.networks import constant_graph
from tests.photos import photo_path

WANTED = {"cpu": 900.0, "slim": 450.0}
"""MB of an image on disk."""

DRAIN_SECONDS = 30.0
"""The default of AUTOQUALITY_DRAIN_TIMEOUT."""

SHOWN = 12
"""The largest packages that are recorded."""

FORMATS = ("jpeg", "webp", "avif", "jxl")
TARGETS = {"ml": 0.02, "dssim": 0.02, "ssimulacra2": 70.0, "size": 60_000.0}
"""By method."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Build, test and record."""
    given = parser("bench.container", __doc__)
    given.add_argument("targets", nargs="*", default=["cpu", "slim"], help="(default: cpu slim)")
    given.add_argument("--base", help="the image with Python (default: one made by debootstrap)")
    given.add_argument("--results", type=Path, default=FOLDER, help="the folder for the record")
    args = given.parse_args(arguments)
    if args.base is None:
        make_base()
    base = args.base or BASE
    measures = [_size("base", size_of(base))]
    for target in args.targets:
        measures += measured(target, base)
    record = record_of("container", measures, {"targets": args.targets, "base": base})
    return finish(record, page(record), args.results)


def measured(target: str, base: str) -> Iterator[Measure]:
    """Build and test one image."""
    _say(f"{target}: building")
    name = build(target, base)
    yield _size(target, size_of(name))
    with opened(name) as image:
        for package, size in list(packages(image.root).items())[:SHOWN]:
            yield _measure("package", target, package, size / 1e6, "MB")
        check_doctor(image)
        _say(f"{target}: doctor passes")
        check_graph(image, has_tensorflow=target != "slim")
        _say(f"{target}: a frozen graph {'is refused' if target == 'slim' else 'loads'}")
        with serving(image) as server:
            check_health(server)
            check_answers()
            yield _measure("start", target, "", server.seconds, "s")
            yield _measure("at work", target, "", server.resident() / MIB, "MiB")
            seconds = check_stop(server)
            yield _measure("stop", target, "with a request", seconds, "s")
            _say(f"{target}: serves, is healthy, and ends with its last answer")


def check_doctor(image: Image) -> None:
    """Every check of the doctor passes, without a warning about what the image has."""
    done = run(image, [*image.entrypoint, "doctor"], PORTS)
    assert done.returncode == 0, done.stdout
    assert "The server would serve" in done.stdout, done.stdout
    assert "FAILED" not in done.stdout, done.stdout


def check_graph(image: Image, *, has_tensorflow: bool) -> None:
    """A configured frozen graph works with TensorFlow, and is refused by its setting without."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        constant_graph(folder / "mine.pb", np.eye(100)[41] * 20)
        done = run(
            image,
            [*image.entrypoint, "doctor"],
            {**PORTS, "AUTOQUALITY_WEBP_NET": "/networks/mine.pb"},
            mounts={folder: "/networks"},
        )
    if has_tensorflow:
        assert done.returncode == 0, done.stdout
        assert "mine.pb on CPU:0 by tensorflow: predicts quality 42" in done.stdout, done.stdout
    else:
        assert done.returncode == 2, done.stdout
        wrong = "AUTOQUALITY_WEBP_NET: /networks/mine.pb: TensorFlow cannot be imported"
        assert wrong in done.stdout, done.stdout


def check_health(server: Running) -> None:
    """The container's own check, a read-only root, and another user than root."""
    done = server.execute("autoquality-server", "health")
    assert (done.returncode, done.stdout) == (0, "SERVING\n"), done
    assert server.execute("touch", "/new").returncode != 0
    said = server.execute("python", "-c", "import os; print(os.getuid(), os.getgid())")
    assert said.stdout == "10001 10001\n", said


def check_answers() -> None:
    """Another process encodes a photograph into every format, by the networks too."""
    with _client() as client:
        assert {one.format for one in client.info().formats if one.network} == set(FORMATS)
        for fmt in FORMATS:
            for method, target in TARGETS.items():
                answer = client.encode(
                    photo_path("coffee.png"),
                    format=fmt,
                    method=method,
                    target=target,
                    min_quality=5,
                    max_quality=95,
                )
                # Pillow reads no JPEG XL.
                wrong = None if fmt == "jxl" else fault(answer, fmt)
                assert wrong is None, f"{fmt} by {method}: {wrong}"
                assert answer.outcome == "target_met", f"{fmt} by {method}: {answer.outcome}"
                found = client.compare(photo_path("coffee.png"), answer.image)
                assert (found.width, found.height) == (answer.width, answer.height)


def check_stop(server: Running) -> float:
    """SIGTERM: a request that runs is answered, and the exit code is 0; returns the seconds."""
    answers: list[Encoded] = []

    def call() -> None:
        with _client() as client:
            photo, slow = photo_path("coffee.png"), AvifOptions(speed=1)
            answers.append(client.encode(photo, format="avif", method="dssim", avif=slow))

    caller = threading.Thread(target=call)
    caller.start()
    port = int(PORTS["AUTOQUALITY_METRICS_LISTEN"].rpartition(":")[2])
    while not metric_at(port, "autoquality_requests_in_flight"):
        assert caller.is_alive(), "the request ended before it was seen"
        time.sleep(0.01)
    start = time.monotonic()
    code = server.stop(DRAIN_SECONDS + 10)
    took = time.monotonic() - start
    caller.join()
    assert code == 0, server.log.read_text()
    assert len(answers) == 1, server.log.read_text()
    assert took < DRAIN_SECONDS, f"it took {took:.1f} s to stop"
    return took


def _client() -> Client:
    return Client(PORTS["AUTOQUALITY_LISTEN"])


def _size(target: str, size: int) -> Measure:
    return _measure("size", target, "", size / 1e6, "MB", WANTED.get(target))


def _measure(
    what: str, by: str, setting: str, value: float, unit: str, wanted: float | None = None
) -> Measure:
    value = round(value, 2)
    return Measure(what, by, setting, "", value, value, value, unit, "lower", 1, wanted)


def _say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
