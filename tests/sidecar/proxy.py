"""A real Envoy in a process of its own, with the configuration of deploy/http."""

from __future__ import annotations

import re
import socket
import ssl
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from pathlib import Path
from typing import Any

import httpx
import yaml

from tests.commands import ROOT
from tests.waiting import LIMIT, until

ENVOY = ROOT / ".venv-envoy/bin/envoy"
FOLDER = ROOT / "deploy/http"
SERVICE = "/autoquality.v1.EncodingService"


def from_page(place: str, replaced: Mapping[str, str]) -> dict[str, Any]:
    """What docs/operations.md adds at `place` of the configuration, with some texts replaced."""
    page = (ROOT / "docs/operations.md").read_text()
    (text,) = re.findall(rf"<!-- envoy: {place} -->\n```yaml\n(.*?)```", page, re.DOTALL)
    for old, new in replaced.items():
        assert old in text
        text = text.replace(old, new)
    found: dict[str, Any] = yaml.safe_load(text)
    return found


@contextmanager
def running_proxy(
    folder: Path,
    upstream: int,
    cluster: Mapping[str, Any] | None = None,
    filter_chain: Mapping[str, Any] | None = None,
    trust: ssl.SSLContext | None = None,
    others: Sequence[int] = (),
) -> Iterator[str]:
    """Start Envoy in front of port `upstream` and `others`, stop it at the end; yields the URL.

    `cluster` and `filter_chain` are added to these parts of the configuration. With `trust`, the
    URL has TLS.
    """
    config = yaml.safe_load((FOLDER / "envoy.yaml").read_text())
    (listener,) = config["static_resources"]["listeners"]
    (server,) = config["static_resources"]["clusters"]
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    listener["address"]["socket_address"] = {"address": "127.0.0.1", "port_value": port}
    endpoints = server["load_assignment"]["endpoints"][0]["lb_endpoints"]
    endpoints.extend(deepcopy(endpoints[0]) for _ in others)
    for one, number in zip(endpoints, (upstream, *others), strict=True):
        one["endpoint"]["address"]["socket_address"]["port_value"] = number
    server.update(cluster or {})
    listener["filter_chains"][0].update(filter_chain or {})
    (folder / "envoy.yaml").write_text(yaml.safe_dump(config))
    log = folder / "envoy.log"
    options = (
        "--concurrency 1 --disable-hot-restart --log-level warn --file-flush-interval-msec 100"
    )
    with log.open("w") as output:
        process = subprocess.Popen(
            [ENVOY, "--config-path", folder / "envoy.yaml", *options.split()],
            cwd=FOLDER,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    url = f"http{'s' if trust else ''}://127.0.0.1:{port}"

    def answers() -> bool:
        assert process.poll() is None, log.read_text()
        try:
            httpx.get(f"{url}/healthz", verify=trust or True)
        except httpx.TransportError:
            return False
        return True

    try:
        until(answers, reason="the start of Envoy")
        yield url
    finally:
        process.terminate()
        process.wait(LIMIT)
