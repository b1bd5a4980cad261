"""Every query of dashboard, rules and adapter finds its metrics in a real Prometheus."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import grpc
import pytest
import trustme
import yaml
from grpc_health.v1 import health_pb2

from autoquality import AutoQualityError, Client
from deploy.grafana.panels import ROWS
from deploy.grafana.promql import Query
from deploy.prometheus import manifest
from tests.authorities import TlsFiles
from tests.commands import ROOT
from tests.networks import constant_graph, peak_at
from tests.photos import crop
from tests.repo.deploy.prometheus import Prometheus, scraping
from tests.repo.deploy.promql import filled_in, selectors
from tests.repo.deploy.rendered import Rendered
from tests.repo.deploy.test_agreement import PROBES
from tests.rpc.conftest import health_stub, scrape
from tests.servers import NO_NETWORKS, RunningServer, running_server
from tests.waiting import until

PHOTO = crop("coffee.png", 96, 64)
SERVICE = 'grpc_service="autoquality.v1.EncodingService"'
HANDLED = rf"grpc_server_handled_total{{.*{SERVICE}"
LABELS = {"namespace": "images", "pod": "autoquality-0"}
QUERIES = [
    pytest.param(query, id=f"{panel.title}, {query.legend}")
    for row in ROWS
    for panel in row.panels
    for query in panel.queries
]
RULES: list[dict[str, Any]] = [
    rule
    for path in manifest.RULES
    for group in yaml.safe_load(path.read_text())["groups"]
    for rule in group["rules"]
]
ADAPTER: list[dict[str, Any]] = yaml.safe_load(
    (ROOT / "deploy/prometheus/adapter.yaml").read_text()
)["rules"]


def name_of(rule: dict[str, Any]) -> str:
    return str(rule.get("alert") or rule["record"])


@dataclass(frozen=True)
class Monitored:
    """A server with TLS, and the Prometheus that scraped it before and after requests."""

    server: RunningServer
    prometheus: Prometheus
    ca: bytes


@pytest.fixture(scope="module")
def monitored(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Monitored]:
    folder = tmp_path_factory.mktemp("monitored")
    network = constant_graph(folder / "says-75.pb", peak_at(75))
    networks = NO_NETWORKS | {"AUTOQUALITY_JPEG_NET": str(network)}
    authority = trustme.CA()
    files = TlsFiles.of(folder, authority)
    tls = {"AUTOQUALITY_TLS_CERT": str(files.cert), "AUTOQUALITY_TLS_KEY": str(files.key)}
    ca = authority.cert_pem.bytes()
    with running_server(folder, networks | tls) as server:
        targets = [f"127.0.0.1:{server.metrics_port}"]
        with scraping(folder, targets, manifest.RULES, LABELS) as prometheus:
            until(lambda: prometheus.query("autoquality_build_info"))
            request_everything(server, ca)
            wait_until_told(server, prometheus)
            yield Monitored(server, prometheus, ca)


def request_everything(server: RunningServer, ca: bytes) -> None:
    """Every call, method and format, and one request that is wrong."""
    with Client(server.address, ca=ca) as client:
        for fmt in ("jpeg", "webp", "avif", "png"):
            client.compare(PHOTO, client.encode(PHOTO, format=fmt).image)
        for wish in ("size:2000:1:100", "dssim:0.02:1:100", "ml:0.02:1:100"):
            client.encode(PHOTO, format="jpeg", auto_quality=wish)
        client.info()
        with pytest.raises(AutoQualityError):
            client.encode(b"no image")


def wait_until_told(server: RunningServer, prometheus: Prometheus) -> None:
    """Wait until Prometheus knows of every call, and has then evaluated every rule twice.

    Twice, because some rules are made of what others record.
    """
    samples = scrape(server.metrics_port).items()
    handled = [value for name, value in samples if re.match(HANDLED, name)]
    known = f"sum(grpc_server_handled_total{{{SERVICE}}}) == {sum(handled)}"
    until(lambda: prometheus.query(known))
    for _ in range(2):
        until(every_rule_evaluated_since(prometheus.rules(), prometheus))


def every_rule_evaluated_since(
    before: list[dict[str, Any]], prometheus: Prometheus
) -> Callable[[], bool]:
    """Whether each rule was evaluated after what `before` says."""
    moments = [rule["lastEvaluation"] for rule in before]
    return lambda: all(
        old < rule["lastEvaluation"] for old, rule in zip(moments, prometheus.rules(), strict=True)
    )


@pytest.mark.parametrize("query", QUERIES)
def test_a_query_of_the_dashboard_finds_something_with_the_labels_of_its_legend(
    monitored: Monitored, query: Query
) -> None:
    series = monitored.prometheus.query(filled_in(query.expr))
    assert series
    for label in re.findall(r"{{(\w+)}}", query.legend):
        assert all(label in one["metric"] for one in series)


@pytest.mark.parametrize("rule", RULES, ids=name_of)
def test_a_rule_is_evaluated_and_everything_it_asks_for_is_there(
    monitored: Monitored, rule: dict[str, Any]
) -> None:
    (known,) = (one for one in monitored.prometheus.rules() if one["name"] == name_of(rule))
    assert (known["health"], known.get("lastError", "")) == ("ok", "")
    for selector in selectors(rule["expr"]):
        assert monitored.prometheus.query(selector), selector


@pytest.mark.parametrize("rule", [one for one in RULES if "record" in one], ids=name_of)
def test_a_recording_rule_records(monitored: Monitored, rule: dict[str, Any]) -> None:
    assert monitored.prometheus.query(rule["record"])


@pytest.mark.parametrize("rule", [one for one in RULES if "alert" in one], ids=name_of)
def test_no_alert_is_raised_for_a_server_that_is_well(
    monitored: Monitored, rule: dict[str, Any]
) -> None:
    assert monitored.prometheus.query(rule["expr"]) == []


@pytest.mark.parametrize("rule", ADAPTER, ids=lambda rule: rule["name"]["as"])
def test_the_adapter_finds_its_metric_for_a_pod(monitored: Monitored, rule: dict[str, Any]) -> None:
    (series,) = monitored.prometheus.query(rule["seriesQuery"])
    assert set(rule["resources"]["overrides"]) <= series["metric"].keys()
    template = {
        "<<.Series>>": series["metric"]["__name__"],
        "<<.LabelMatchers>>": 'namespace="images",pod=~"autoquality-0"',
        "<<.GroupBy>>": "pod",
    }
    expr = rule["metricsQuery"]
    for name, text in template.items():
        expr = expr.replace(name, text)
    (found,) = monitored.prometheus.query(expr)
    assert found["metric"] == {"pod": LABELS["pod"]}
    assert 0 <= float(found["value"][1]) < 60


def test_a_metric_that_the_server_does_not_tell_is_not_found(monitored: Monitored) -> None:
    """The tests above report a wrong query."""
    assert monitored.prometheus.query("autoquality_no_such_metric") == []
    assert monitored.prometheus.query('autoquality_rejected_total{reason="NO_SUCH"}') == []


def test_the_probes_find_the_server_serving(monitored: Monitored, manifests: Rendered) -> None:
    credentials = grpc.ssl_channel_credentials(monitored.ca)
    with grpc.secure_channel(monitored.server.address, credentials) as channel:
        for probe in PROBES:
            service = manifests.server[probe]["grpc"].get("service", "")
            answer = health_stub(channel).Check(health_pb2.HealthCheckRequest(service=service))
            assert answer.status == health_pb2.HealthCheckResponse.SERVING
