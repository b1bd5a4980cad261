"""Kill a run of `autoquality batch` at random moments, resume it, and check every file.

The servers are fake ones in this process, so that the time is that of the command: reading,
sending, writing and the manifest. Each file has a content of its own.

    python -m bench.batch_resume --files 10000 --kills 10
"""

from __future__ import annotations

import json
import os
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

from autoquality.testing import FakeServer, png_image
from bench.command import parser

WIDTHS = 200


def main() -> None:
    given = parser("bench.batch_resume", __doc__)
    given.add_argument("--files", type=int, default=10_000)
    given.add_argument("--kills", type=int, default=10)
    given.add_argument("--servers", type=int, default=2)
    given.add_argument("--seed", type=int, default=1)
    args = given.parse_args()
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        servers = [stack.enter_context(FakeServer()) for _ in range(args.servers)]
        source, dest = Path(folder, "in"), Path(folder, "out")
        make_images(source, args.files)
        command = [sys.executable, "-m", "autoquality", "batch", str(source), str(dest)]
        command += ["--format", "webp", "--json"]
        for server in servers:
            command += ["--server", server.target]
        manifest = dest / "autoquality-manifest.jsonl"
        seconds = kill_at_random(command, manifest, args.files, args.kills, args.seed)

        start = time.perf_counter()
        done = subprocess.run(command, env=environment(), stdout=subprocess.PIPE, check=True)
        seconds += time.perf_counter() - start
        this_run = json.loads(done.stdout)["this_run"]
        print(f"last run: {this_run}")
        check(manifest, args.files)
        encodings = Counter(
            call.message.image
            for server in servers
            for call in server.requests
            if call.rpc == "Encode"
        )
        assert len(encodings) == args.files
        again = encodings.total() - args.files
        print(f"{args.files} files, each with one line and its result; {again} encoded again,")
        print(f"because a kill came between their request and their line ({args.kills} kills)")
        print(f"{args.files / seconds:.0f} files a second, with all starts")
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        print(f"{peak:.0f} MiB of memory at most")


def environment() -> dict[str, str]:
    return {**os.environ, "no_proxy": "127.0.0.1"}


def make_images(folder: Path, count: int) -> None:
    """Write `count` different images, a thousand to a folder."""
    for number in range(count):
        path = folder / f"{number // 1000:03}" / f"{number:06}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(png_image(1 + number % WIDTHS, 1 + number // WIDTHS))


def kill_at_random(command: list[str], manifest: Path, files: int, kills: int, seed: int) -> float:
    """Start the command and kill it, `kills` times. Returns the seconds that it ran."""
    chance = random.Random(seed)
    moments = sorted(chance.sample(range(1, files), kills))
    seconds = 0.0
    for moment in moments:
        start = time.perf_counter()
        process = subprocess.Popen(command, env=environment(), stdout=subprocess.DEVNULL)
        while process.poll() is None and count_lines(manifest) < moment:
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL, "the run ended before it was killed"
        seconds += time.perf_counter() - start
        print(f"killed with {count_lines(manifest)} lines in the manifest")
    return seconds


def count_lines(manifest: Path) -> int:
    return manifest.read_bytes().count(b"\n") if manifest.exists() else 0


def check(manifest: Path, files: int) -> None:
    """Check that each source has one line, and each line its complete result."""
    records = [json.loads(line) for line in manifest.read_text().splitlines()]
    assert len({record["source"] for record in records}) == len(records) == files
    for record in records:
        assert record["ok"], record
        result = Path(record["output"].removeprefix("file://"))
        assert result.stat().st_size == record["size_bytes"], record
    results = [path for path in manifest.parent.rglob("*") if path.is_file()]
    assert len(results) == files + 1, "results and the manifest, no temporary files"


if __name__ == "__main__":
    main()
