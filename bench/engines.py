"""Measures a batch of files by `autoquality batch` with a server, by Ray Data and by Spark.

All encode the same files to the smallest of AVIF, WebP and JPEG, with two processes or workers on
this machine. Processor time is that of all processes that a run starts, sampled from /proc. A run
with few files and one with many give the time for the start and for each further file.

    make .tools/engines/.stamp
    python -m bench.engines IMAGES...
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import threading
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench.command import add_images, images_of, parser
from bench.record import FOLDER, Measure, Record, record_of
from bench.record.changes import finish
from bench.record.machine import ROOT
from bench.record.markdown import made, number, table
from bench.record.store import short
from bench.serving import MIB, serving

FORMATS, TARGET = "avif,webp,jpeg", "high"
ENGINES = ROOT / ".tools" / "engines" / "bin"
PROCESSES = 2
LIMIT = 3600.0
"""Seconds for one run."""

_MARK = "BENCH_RUN"
_TICKS = os.sysconf("SC_CLK_TCK")
_INTERVAL = 1.0


def batch(source: Path, dest: Path) -> None:
    """`autoquality batch`, with a server of two workers."""
    with serving(workers=str(PROCESSES)) as server:
        arguments = ["--candidates", FORMATS, "--target", TARGET, "--server", server.address]
        _run([sys.executable, "-m", "autoquality", "batch", source, dest, *arguments])


def ray(source: Path, dest: Path) -> None:
    """Ray Data on a local instance with two cores."""
    script = "examples/ray/encode_folder.py"
    _run([ENGINES / "python", script, source, dest, "--formats", FORMATS, "--target", TARGET])


def spark(source: Path, dest: Path) -> None:
    """Spark in local mode with two cores."""
    script = "examples/spark/encode_folder.py"
    command = [ENGINES / "spark-submit", "--master", f"local[{PROCESSES}]", script, source, dest]
    _run([*command, "--formats", FORMATS, "--target", TARGET])


RUNS: dict[str, Callable[[Path, Path], None]] = {
    "autoquality batch and a server": batch,
    "Ray Data": ray,
    "Spark": spark,
}


@dataclass
class Usage:
    """What the processes of a run have used: seconds by process, and the peak of their bytes."""

    seconds: dict[int, float] = field(default_factory=dict)
    peak: int = 0

    @property
    def cpu(self) -> float:
        """Processor time of all, in seconds."""
        return sum(self.seconds.values())

    def sample(self, mark: str) -> None:
        """Add what the processes with this mark have used so far."""
        memory = 0
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                if mark.encode() not in (folder / "environ").read_bytes():
                    continue
                times = (folder / "stat").read_text().rpartition(")")[2].split()[11:13]
                lines = (folder / "smaps_rollup").read_text().splitlines()
            except OSError:
                continue  # it has ended
            self.seconds[int(folder.name)] = sum(map(int, times)) / _TICKS
            memory += next(int(one.split()[1]) for one in lines if one.startswith("Pss:")) * 1024
        self.peak = max(self.peak, memory)


@contextmanager
def observed() -> Iterator[Usage]:
    """Observe all processes that the body starts."""
    usage, mark, ended = Usage(), uuid.uuid4().hex, threading.Event()

    def observe() -> None:
        while not ended.wait(_INTERVAL):
            usage.sample(mark)

    os.environ[_MARK] = mark
    thread = threading.Thread(target=observe)
    thread.start()
    try:
        yield usage
    finally:
        ended.set()
        thread.join()
        del os.environ[_MARK]


def measured(images: Sequence[Path], few: int) -> Iterator[Measure]:
    """The processor time for the start and for a file, and the peak of memory."""
    for name, run in RUNS.items():
        used = {}
        for count in (few, len(images)):
            with tempfile.TemporaryDirectory() as folder:
                source, dest = Path(folder) / "source", Path(folder) / "dest"
                source.mkdir()
                for number, path in enumerate(images[:count]):
                    shutil.copy(path, source / f"{number}{path.suffix}")
                with observed() as usage:
                    run(source, dest)
                files = [
                    one
                    for one in dest.iterdir()
                    if one.suffix in (".avif", ".webp", ".jpeg", ".jpg")
                ]
                assert len(files) == count, f"{name}: {len(files)} of {count} files"
            used[count] = usage
        each = (used[len(images)].cpu - used[few].cpu) / (len(images) - few)
        start = max(used[few].cpu - few * each, 0.0)
        for what, setting, found, unit in (
            ("processor time", "file", each, "s"),
            ("processor time", "start", start, "s"),
            ("memory", "peak", used[len(images)].peak / MIB, "MiB"),
        ):
            value = short(found)
            yield Measure(what, name, setting, "", value, value, value, unit, "lower", len(images))
        print(f"{name}: done", file=sys.stderr)


def page(record: Record) -> str:
    """A row for each way."""
    rows = []
    for name in RUNS:
        found = {(one.what, one.setting): one.value for one in record.find(by=name)}
        if found:
            each = found["processor time", "file"]
            start, peak = found["processor time", "start"], found["memory", "peak"]
            rows.append((name, number(each), number(1 / each), number(start), f"{peak:,.0f}"))
    header = (
        *("engine", "core-seconds a file", "files a second and core", "core-seconds to start"),
        "peak memory, MiB",
    )
    count = record.arguments["few"], len(record.arguments["images"])
    return (
        f"{made(record)}. {count[1]} files (and {count[0]}, for the start), two processes or "
        f"workers.\n\n{table(header, rows)}"
    )


def _run(command: Sequence[object]) -> None:
    environment = {
        "RAY_USAGE_STATS_ENABLED": "0",
        "SPARK_LOCAL_IP": "127.0.0.1",
        "PATH": f"{ENGINES}:{os.environ['PATH']}",
    }
    done = subprocess.run(
        [str(one) for one in command],
        cwd=ROOT,
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=LIMIT,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, write the record and print the changes."""
    given = parser("bench.engines", __doc__)
    add_images(given)
    given.add_argument("--limit", type=int, default=40, help="use as many, evenly spaced")
    given.add_argument("--few", type=int, default=8, help="files of the short run (default: 8)")
    given.add_argument("--results", type=Path, default=FOLDER, help="the folder for the record")
    args = given.parse_args(arguments)
    images = images_of(given, args)
    images = images[:: -(-len(images) // args.limit)]
    if not 0 < args.few < len(images):
        given.error(f"--few: must be from 1 to {len(images) - 1}")
    if not ENGINES.is_dir():
        given.error("Ray and Spark are not installed: run make .tools/engines/.stamp")
    measures = list(measured(images, args.few))
    used = {"images": [path.name for path in images], "few": args.few}
    record = record_of("engines", measures, used)
    return finish(record, page(record), args.results)


if __name__ == "__main__":
    sys.exit(main())
