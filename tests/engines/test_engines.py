"""The examples for Ray and Spark: on clusters of two workers of which one is killed, and with S3.

`make engines-test` runs them in an environment with both engines.
"""

from __future__ import annotations

import os
import re
import secrets
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from runpy import run_path
from subprocess import STDOUT
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pyspark
import pytest
import pyvips
from pyarrow import fs
from ray.cluster_utils import Cluster as RayCluster

import autoquality_core as aq
from tests.waiting import until

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
COUNT = 40
BEFORE_KILL = 8
ADDRESS = r"spark://[\d.]+:\d+"
DAMAGED = ("cut.png", "text.jpg")
START = 900.0
"""Seconds for a cluster and its first results: each process compiles or loads the library."""
END = 900.0
"""Seconds for the rest of the job; Ray notices the loss of a node after 15. Neither limit is what a
free machine needs."""

Cluster = tuple[list[str], dict[str, str], int]
"""The command that submits a script, its environment, and the process of one of two workers."""


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Parts of a photograph, and two damaged files."""
    folder = tmp_path_factory.mktemp("photos")
    image = pyvips.Image.new_from_file(str(ROOT / "docs/example.png")).resize(4)
    for number in range(COUNT):
        path = folder / f"trip {number % 3}" / f"{number}.png"
        path.parent.mkdir(exist_ok=True)
        side = 200 + number
        left = number * 7 % (image.width - side)
        image.crop(left, number % (image.height - side), side, side).write_to_file(str(path))
    (folder / DAMAGED[0]).write_bytes((folder / "trip 0/0.png").read_bytes()[:2000])
    (folder / DAMAGED[1]).write_text("no image")
    return folder


@pytest.fixture(scope="module")
def expected(photos: Path) -> dict[str, bytes]:
    """The results of the library without an engine, by name."""
    networks = aq.bundled_networks()

    def encoded(path: Path) -> tuple[str, bytes]:
        formats = ["avif", "webp", "jpeg"]
        result = aq.encode(path.read_bytes(), formats, target="high", networks=networks)
        return f"{path.relative_to(photos)}.{result.format.value}", result.image

    with ThreadPoolExecutor(2) as pool:
        return dict(pool.map(encoded, photos.glob("trip */*")))


def results(folder: Path) -> dict[str, bytes]:
    """The finished files of a folder by name, without the manifest."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.glob("trip */*")
        if path.suffix != ".part"  # of a worker that was killed while it wrote
    }


def descendants(pid: int) -> list[int]:
    """The processes that a process started, and theirs."""
    parents: dict[int, int] = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            text = status.read_text()
        except OSError:
            continue  # it has ended
        parents[int(status.parent.name)] = int(text.rpartition(")")[2].split()[1])
    found: list[int] = []
    last = {pid}
    while last:
        last = {child for child, parent in parents.items() if parent in last}
        found += last
    return found


def runs(pid: int, program: str) -> bool:
    """Whether a worker has started a process with this text in its command line."""
    with suppress(OSError):  # one ended meanwhile
        return any(program in Path(f"/proc/{one}/cmdline").read_text() for one in descendants(pid))
    return False


def kill(pid: int) -> None:
    """End a worker with all that it started, as if its machine were lost."""
    for one in [pid, *descendants(pid)]:
        with suppress(ProcessLookupError):  # ended by the loss of another
            os.kill(one, signal.SIGKILL)


@contextmanager
def ray_cluster(folder: Path) -> Iterator[Cluster]:
    """A head without cores, and two nodes with one each."""
    settings = {
        "RAY_AUTH_TOKEN_PATH": str(folder / "token"),
        "RAY_USAGE_STATS_ENABLED": "0",
    }
    (folder / "token").write_text(secrets.token_hex(32))
    memory = {"object_store_memory": 2**27}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in settings.items():
            patch.setenv(name, value)
        cluster = RayCluster(initialize_head=True, head_node_args={"num_cpus": 0, **memory})
        try:
            nodes = [cluster.add_node(num_cpus=1, **memory) for _ in range(2)]
            (raylet,) = nodes[0].all_processes["raylet"]
            environment = settings | {"RAY_ADDRESS": cluster.address}
            yield [sys.executable], environment, raylet.process.pid
        finally:
            cluster.shutdown()


@contextmanager
def spark_cluster(folder: Path) -> Iterator[Cluster]:
    """A master, and two workers with one core each."""
    home = Path(pyspark.__file__).parent
    here = "127.0.0.1"
    settings = {
        "SPARK_HOME": str(home),
        "SPARK_LOCAL_IP": here,
        "PYSPARK_PYTHON": sys.executable,
        "JAVA_TOOL_OPTIONS": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",  # six short-lived JVMs
    }
    with ExitStack() as stack:

        def start(name: str, log: Path, *arguments: str) -> subprocess.Popen[bytes]:
            program = f"org.apache.spark.deploy.{name.lower()}.{name}"
            ports = ("--host", here, "--port", "0", "--webui-port", "0")
            command = [home / "bin/spark-class", program, *ports, *arguments]
            with log.open("w") as lines:
                process = stack.enter_context(
                    subprocess.Popen(
                        command, env=os.environ | settings, stdout=lines, stderr=STDOUT
                    )
                )
            stack.callback(process.kill)
            return process

        log = folder / "master.log"
        start("Master", log)
        until(lambda: re.search(ADDRESS, log.read_text()), within=START)
        (master, *_) = re.findall(ADDRESS, log.read_text())
        limits = ("--cores", "1", "--memory", "1g")
        workers = [
            start("Worker", folder / f"{n}.log", *limits, "-d", str(folder / str(n)), master)
            for n in range(2)
        ]
        submit = [str(home / "bin/spark-submit"), "--master", master]
        yield [*submit, "--executor-memory", "512m"], settings, workers[0].pid


CLUSTERS = {
    "ray": (ray_cluster, "ray::MapWorker"),
    "spark": (spark_cluster, "pyspark.daemon"),
}


@pytest.mark.parametrize("engine", CLUSTERS)
def test_a_job_that_loses_one_of_two_workers_encodes_every_file_once(
    engine: str, photos: Path, expected: dict[str, bytes], tmp_path: Path
) -> None:
    """Each file is in the manifest once, and the bytes are those of the library."""
    make, program = CLUSTERS[engine]
    out, log = tmp_path / "out", tmp_path / "job.log"
    with make(tmp_path) as (submit, environment, worker), log.open("w") as lines:
        command = [*submit, str(ROOT / f"examples/{engine}/encode_folder.py")]
        with subprocess.Popen(
            [*command, str(photos), str(out)],
            env=os.environ | environment,
            stdout=lines,
            stderr=STDOUT,
        ) as job:
            try:
                until(
                    lambda: (
                        (runs(worker, program) and len(results(out)) >= BEFORE_KILL)
                        or job.poll() is not None
                    ),
                    within=START,
                )
                assert job.poll() is None, log.read_text()
                assert len(results(out)) < COUNT
                kill(worker)
                assert job.wait(END) == 0, log.read_text()
            finally:
                job.kill()

    assert results(out) == expected
    rows = {row["source"]: row for row in pq.read_table(out / "manifest").to_pylist()}
    assert len(rows) == pq.read_table(out / "manifest").num_rows
    assert {name for name, row in rows.items() if row["error"]} == set(DAMAGED)
    good = {row["output"]: row for row in rows.values() if not row["error"]}
    assert {name: row["size_bytes"] for name, row in good.items()} == {
        name: len(data) for name, data in expected.items()
    }
    assert all(row["ssimulacra2"] > 69 for row in good.values())
    assert all(row["outcome"] == "failed" for row in rows.values() if row["error"])


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[fs.FileSystem]:
    """An S3 server with a bucket, found by the variables of the environment."""
    log = tmp_path_factory.mktemp("store") / "log"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [str(ROOT / ".venv/bin/moto_server"), "-H", "127.0.0.1", "-p", str(port)]
    with log.open("w") as lines, pytest.MonkeyPatch.context() as patch:
        process = subprocess.Popen(command, stdout=lines, stderr=STDOUT)
        try:
            until(lambda: "Running on" in log.read_text(), within=START)
            patch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
            for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION"):
                patch.setenv(name, "us-east-1")
            files, _ = fs.FileSystem.from_uri("s3://shop?allow_bucket_creation=true")
            files.create_dir("shop")
            yield files
        finally:
            process.kill()
            process.wait(60)


@pytest.mark.parametrize("engine", CLUSTERS)
def test_folders_may_be_in_an_object_store(
    engine: str, store: fs.FileSystem, photos: Path, expected: dict[str, bytes]
) -> None:
    """The worker reads, writes and reports as in a folder."""
    script: Any = SimpleNamespace(**run_path(str(ROOT / f"examples/{engine}/encode_folder.py")))
    for name in ("trip 0/0.png", DAMAGED[1]):
        with store.open_output_stream(f"shop/photos/{name}") as file:
            file.write((photos / name).read_bytes())
    source, dest = "s3://shop/photos", f"s3://shop/{engine}"
    options = {"output": ["avif", "webp", "jpeg"], "method": "ssimulacra2", "target": "high"}
    names = {"name": script.names_in(source)}
    if engine == "ray":
        rows = script.Encoder(source, dest, options)(pa.table(names)).to_pylist()
    else:
        (frame,) = script.encoder(source, dest, options)([pd.DataFrame(names)])
        rows = frame.to_dict("records")
    assert [row["outcome"] == "failed" for row in rows] == [True, False]
    output = rows[1]["output"]
    with store.open_input_file(f"shop/{engine}/{output}") as file:
        assert file.read() == expected[output]
