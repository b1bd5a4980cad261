"""The steps of the Dockerfile, run here; `make image-test` builds and runs the images."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from autoquality import Client
from autoquality._version import __version__
from tests.commands import BASE_PYTHON, ROOT, run
from tests.networks import constant_graph
from tests.photos import crop
from tests.servers import START_LIMIT
from tests.waiting import LIMIT, until

pytestmark = pytest.mark.timeout(900)  # 1.6 GB are downloaded and unpacked

LOADED = """
import sys
import sysconfig
from pathlib import Path
held, written = map(Path, sys.argv[1:])
for path in Path(sysconfig.get_path("purelib")).iterdir():
    if not (held / path.name).exists():
        sys.modules[path.stem] = None
from autoquality_core.pipeline.pipeline import warm_up
from tools.compile_imports import main
main()
warm_up()
maps = Path("/proc/self/maps").read_text().splitlines()
modules = [str(getattr(module, "__file__", "")) for module in sys.modules.values()]
written.write_text("\\n".join([*modules, *(line.split()[-1] for line in maps)]))
"""
"""Writes the paths of what a server may load here of the packages that are in a folder."""

DOCKERFILE = (ROOT / "Dockerfile").read_text()
_ENV_BLOCK = re.findall(r"^ENV ((?:[^\\\n]|\\\n)*)", DOCKERFILE, re.MULTILINE)[0]
ENV = dict(re.findall(r"\b([A-Z_]+)=(\S+)", _ENV_BLOCK))
INSTALL = re.compile(r"^RUN (\S+install-server\.sh) (\S+) (\S+)$", re.MULTILINE)


def exec_forms(instruction: str) -> list[list[str]]:
    """The commands of an instruction that are given in the exec form."""
    found = re.findall(rf"^{instruction}\b(?:[^\[\n]|\\\n)*(\[.*\])$", DOCKERFILE, re.MULTILINE)
    return [json.loads(text) for text in found]


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The image's environment variables, for a prefix made as the image's is.

    Fails in the end if a test imported what has no bytecode: a read-only image would compile it at
    each start.
    """
    folder = tmp_path_factory.mktemp("image")
    script, prefix, lock = INSTALL.findall(DOCKERFILE)[0]
    run(ROOT / script, folder / prefix.lstrip("/"), ROOT / lock, env={"PYTHON": BASE_PYTHON})
    cache = folder / ENV["NUMBA_CACHE_DIR"].lstrip("/")
    cache.mkdir(parents=True)
    compiled = set(folder.rglob("*.pyc"))
    yield {
        **ENV,
        "PATH": f"{folder}{prefix}/bin:{os.environ['PATH']}",
        "NUMBA_CACHE_DIR": str(cache),
        "PYTHONDONTWRITEBYTECODE": "",
        "AUTOQUALITY_LISTEN": "127.0.0.1:0",
        "AUTOQUALITY_HEALTH_LISTEN": "127.0.0.1:0",
        "AUTOQUALITY_METRICS_LISTEN": "127.0.0.1:0",
    }
    assert set(folder.rglob("*.pyc")) == compiled


def packages(image: dict[str, str]) -> Path:
    """The folder of packages in the image."""
    (folder,) = Path(image["PATH"].partition(":")[0]).parent.glob("lib/python3.*/site-packages")
    return folder


@pytest.fixture
def server(
    image: dict[str, str], tmp_path: Path
) -> Iterator[tuple[subprocess.Popen[str], int, int]]:
    """The entry point, running, its port, and that of health checks."""
    (command,) = exec_forms("ENTRYPOINT")
    log = tmp_path / "log"
    with log.open("w") as output:
        process = subprocess.Popen(
            ["/usr/bin/env", *command], env=image, cwd=tmp_path, stderr=output, text=True
        )
    try:
        until(
            lambda: process.poll() is not None or '"ready"' in log.read_text(), within=START_LIMIT
        )
        ready = re.search(r'.*"ready".*\n', log.read_text())
        assert ready, log.read_text()
        ports = json.loads(ready.group())
        yield process, int(ports["port"]), int(ports["health_port"])
    finally:
        process.kill()
        process.wait(LIMIT)


def test_every_stage_installs_by_the_script_and_a_lock() -> None:
    assert [lock for _, _, lock in INSTALL.findall(DOCKERFILE)] == [
        "requirements/server.lock",
        "requirements/slim.lock",
        "requirements/gpu.lock",
    ]


def test_the_last_stage_is_the_cpu_image() -> None:
    assert re.findall(r"^FROM \S+ AS (\S+)", DOCKERFILE, re.MULTILINE)[-1] == "cpu"


def test_every_image_runs_as_a_user_that_is_a_number_and_not_root() -> None:
    for name in ("gpu", "slim", "cpu"):
        stage = DOCKERFILE.split(f"AS {name}\n")[1].split("\nFROM ")[0]
        assert re.findall(r"^USER (\d+):(\d+)$", stage, re.MULTILINE) == [("10001", "10001")]


def test_the_metric_compiled_for_the_image_is_kept(image: dict[str, str]) -> None:
    for command in exec_forms("RUN"):
        run("/usr/bin/env", *command, env=image)
    assert list(Path(image["NUMBA_CACHE_DIR"]).rglob("*.nbc"))


def test_the_image_holds_all_that_a_server_loads_where_nothing_is_removed(
    image: dict[str, str], tmp_path: Path
) -> None:
    held = packages(image)
    paths = tmp_path / "loaded"
    run(sys.executable, "-c", LOADED, held, paths, env={"TF_CPP_MIN_LOG_LEVEL": "3"})
    loaded = set(re.findall(r"/site-packages/(\S+/\S+)", paths.read_text()))
    assert {"numba", "redis", "tensorflow"} <= {name.partition("/")[0] for name in loaded}
    assert {name for name in loaded if not (held / name).exists()} == set()


def test_the_image_holds_no_pip_and_no_build_tools(image: dict[str, str]) -> None:
    for name in ("pip", "hatchling", "pkgconfig"):
        said = run(
            "/usr/bin/env", "python", "-c", f"import {name}", env=image, cwd=Path("/"), status=1
        )
        assert f"No module named '{name}'" in said


def test_the_server_prints_its_version(image: dict[str, str]) -> None:
    (command,) = exec_forms("ENTRYPOINT")
    assert __version__ in run("/usr/bin/env", *command, "--version", env=image)


def test_the_server_loads_tensorflow_for_a_network(image: dict[str, str], tmp_path: Path) -> None:
    constant_graph(tmp_path / "mine.pb", np.eye(100)[41] * 20)
    env = {**image, "AUTOQUALITY_WEBP_NET": str(tmp_path / "mine.pb")}
    said = run("/usr/bin/env", "autoquality-server", "doctor", env=env, cwd=tmp_path)
    assert "mine.pb on CPU:0 by tensorflow: predicts quality 42" in said


def test_the_server_encodes_is_found_healthy_and_ends_at_the_stop_signal(
    image: dict[str, str], server: tuple[subprocess.Popen[str], int, int]
) -> None:
    process, port, health_port = server
    address = f"127.0.0.1:{port}"
    with Client(address) as client:
        encoded = client.encode(crop("coffee.png", 96, 64), format="avif", method="dssim")
        assert encoded.dssim is not None

    (check,) = exec_forms("HEALTHCHECK")
    asks = {
        **image,
        "AUTOQUALITY_HEALTH_LISTEN": f"127.0.0.1:{health_port}",
        # Docker hands its own proxy settings to every container.
        "http_proxy": "http://127.0.0.1:9",
    }
    assert run("/usr/bin/env", *check, env=asks) == "SERVING\n"

    (stop,) = re.findall(r"^STOPSIGNAL (\w+)$", DOCKERFILE, re.MULTILINE)
    process.send_signal(signal.Signals[stop])
    assert process.wait(60) == 0
    run("/usr/bin/env", *check, env=asks, status=1)
