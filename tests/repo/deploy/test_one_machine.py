"""The files for servers without Kubernetes agree with one another and with the server."""

from __future__ import annotations

import configparser
import re
import shutil
import sys
from pathlib import Path

import pytest
import yaml
from dotenv import dotenv_values

from autoquality_server.config import Configuration, Settings, load
from tests.commands import ROOT, run
from tests.repo.deploy.prometheus import tool
from tests.repo.deploy.rendered import PAGE

SYSTEMD = ROOT / "deploy/systemd"
UNIT = SYSTEMD / "autoquality@.service"
CONFIG = ROOT / "deploy/prometheus/prometheus.yaml"
ADDRESSES = ("listen", "health_listen", "metrics_listen")


def configuration(server: str) -> Configuration:
    """The settings of server `a` or `b`."""
    files = (SYSTEMD / "server.env", SYSTEMD / f"{server}.env")
    return load({}, {k: v for file in files for k, v in dotenv_values(file).items() if v})


def settings(server: str) -> Settings:
    return configuration(server).settings


def unit(section: str = "Service") -> dict[str, str]:
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    parser.read(UNIT)
    return dict(parser[section])


@pytest.mark.parametrize("server", ["a", "b"])
def test_every_variable_is_a_setting(server: str) -> None:
    found = configuration(server)
    assert (found.warnings, found.unused) == ((), ())
    assert set(ADDRESSES) <= found.origins.keys()


def test_the_servers_differ_in_every_address() -> None:
    one, other = settings("a"), settings("b")
    taken = [getattr(server, name) for server in (one, other) for name in ADDRESSES]
    assert len(set(taken)) == len(taken)


def test_prometheus_takes_the_configuration_and_scrapes_both() -> None:
    run(tool("promtool"), "check", "config", "--lint-fatal", CONFIG)
    (job,) = yaml.safe_load(CONFIG.read_text())["scrape_configs"]
    (group,) = job["static_configs"]
    assert group["targets"] == [settings(server).metrics_listen for server in ("a", "b")]


def test_systemd_waits_longer_for_the_end_than_the_server_needs() -> None:
    assert float(unit()["TimeoutStopSec"]) > settings("a").drain_timeout + 10 + 3


def test_no_number_of_failures_ends_the_service_for_good() -> None:
    assert unit()["Restart"] == "on-failure"
    assert unit("Unit")["StartLimitIntervalSec"] == "0"
    (policy,) = re.findall(r"docker run --detach --name autoquality-a --restart (\S+)", PAGE)
    assert policy == "unless-stopped"


def test_a_process_without_memory_is_replaced_and_the_others_go_on() -> None:
    assert unit()["OOMPolicy"] == "continue"


def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    copy = tmp_path / UNIT.name
    here = str(Path(sys.executable).parent)
    text = UNIT.read_text()
    assert text.count("/opt/autoquality/%i/bin") == 1
    copy.write_text(text.replace("/opt/autoquality/%i/bin", here))
    if shutil.which("systemd-analyze"):  # part of systemd, which containers lack
        run("systemd-analyze", "verify", copy)
    known = r"\[\w+\]|[A-Z]\w+=.*|#.*|"
    assert [line for line in text.splitlines() if not re.fullmatch(known, line)] == []
