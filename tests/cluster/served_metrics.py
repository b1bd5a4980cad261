"""The metrics of an autoscaler: from metrics-server, and from a real server through Prometheus.

All pods of a namespace are simulated, and share one real server: Prometheus has a target for each
pod of the Service, and reads the server's metrics at the server's address.
"""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import yaml

from tests.authorities import replace
from tests.cluster.api import Object, Refused
from tests.cluster.control_plane import Cluster
from tests.cluster.processes import free_port
from tests.commands import ROOT
from tests.repo.deploy.prometheus import Prometheus, tool

SYSTEM = "kube-system"
SCRAPE = "2s"


def start_metrics_server(cluster: Cluster) -> None:
    """Serve the use of CPU and memory that kwok makes up."""
    start_behind_the_api(
        cluster,
        "metrics-server",
        "metrics.k8s.io/v1beta1",
        f"--kubeconfig={cluster.admin}",
        "--kubelet-insecure-tls",
        "--kubelet-use-node-status-port",
        "--kubelet-preferred-address-types=InternalIP",
        "--metric-resolution=10s",
        "--kubelet-request-timeout=5s",
    )


def start_adapter(cluster: Cluster, prometheus: Prometheus) -> None:
    """Serve the metrics of deploy/prometheus/adapter.yaml."""
    start_behind_the_api(
        cluster,
        "adapter",
        "custom.metrics.k8s.io/v1beta1",
        f"--lister-kubeconfig={cluster.admin}",
        f"--prometheus-url=http://127.0.0.1:{prometheus.port}",
        f"--config={ROOT / 'deploy/prometheus/adapter.yaml'}",
        "--metrics-relist-interval=3s",
        "--metrics-max-age=1m",
    )


def start_behind_the_api(cluster: Cluster, name: str, api: str, *arguments: str) -> None:
    """Start a program to which the API server forwards the calls of `api`, group/version."""
    port = free_port()
    certificate, key = cluster.access.certificate(f"{name}.{SYSTEM}.svc", "localhost")
    cluster.programs.start(
        name,
        *arguments,
        f"--authentication-kubeconfig={cluster.admin}",
        f"--authorization-kubeconfig={cluster.admin}",
        "--bind-address=127.0.0.1",
        f"--secure-port={port}",
        f"--tls-cert-file={certificate}",
        f"--tls-private-key-file={key}",
    )
    group, version = api.split("/")
    cluster.apply(
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": name, "namespace": SYSTEM},
            "spec": {"type": "ExternalName", "externalName": "localhost"},
        },
        {
            "apiVersion": "apiregistration.k8s.io/v1",
            "kind": "APIService",
            "metadata": {"name": f"{version}.{group}"},
            "spec": {
                "group": group,
                "version": version,
                "groupPriorityMinimum": 100,
                "versionPriority": 100,
                "service": {"name": name, "namespace": SYSTEM, "port": port},
                "caBundle": base64.b64encode(cluster.access.ca.read_bytes()).decode(),
            },
        },
    )
    path = f"/apis/apiregistration.k8s.io/v1/apiservices/{version}.{group}"

    def available() -> bool:
        conditions = cluster.api.get(path).get("status", {}).get("conditions", [])
        return any(one["type"] == "Available" and one["status"] == "True" for one in conditions)

    cluster.programs.wait(available, f"{api} of {name}")


def discover(cluster: Cluster, namespace: str, monitor: Object, address: str) -> Path:
    """Write the targets of a ServiceMonitor for Prometheus, but every pod is at `address`.

    Debian's Prometheus does not read a cluster's API itself. Call it again for new pods.
    """
    wanted = monitor["spec"]["selector"]["matchLabels"].items()
    (endpoint,) = monitor["spec"]["endpoints"]
    targets = [
        {
            "targets": [address],
            "labels": {
                "namespace": namespace,
                "pod": pod["targetRef"]["name"],
                "job": piece["metadata"]["labels"][monitor["spec"]["jobLabel"]],
            },
        }
        for piece in cluster.api.all("endpointslices", namespace)
        if wanted <= piece["metadata"]["labels"].items()
        if endpoint["port"] in [port["name"] for port in piece["ports"]]
        for pod in piece["endpoints"]
    ]
    path = cluster.access.folder / "targets.json"
    text = json.dumps(targets)
    if not path.exists() or path.read_text() != text:
        replace(path, text.encode())
    return path


def start_prometheus(cluster: Cluster, targets: Path) -> Prometheus:
    """Start Prometheus with targets in a file, and wait until it has read one."""
    port = free_port()
    folder = cluster.access.folder
    config = {
        "global": {"scrape_interval": SCRAPE, "scrape_timeout": SCRAPE},
        "scrape_configs": [
            {"job_name": "autoquality", "file_sd_configs": [{"files": [str(targets)]}]}
        ],
    }
    (folder / "prometheus.yaml").write_text(yaml.safe_dump(config))
    cluster.programs.start(
        "prometheus",
        f"--config.file={folder / 'prometheus.yaml'}",
        f"--storage.tsdb.path={folder / 'prometheus'}",
        f"--web.listen-address=127.0.0.1:{port}",
        program=tool("prometheus"),
    )
    prometheus = Prometheus(port)
    cluster.programs.wait(lambda: known(prometheus), "the pods in Prometheus")
    return prometheus


def known(prometheus: Prometheus) -> list[Any]:
    """The series that Prometheus has read of each pod."""
    try:
        return prometheus.query("autoquality_build_info")
    except OSError:
        return []


def queue_seconds(cluster: Cluster, namespace: str) -> dict[str, str]:
    """The autoscaler's metric by pod, as docs/operations.md reads it; empty before it is served."""
    path = f"/apis/custom.metrics.k8s.io/v1beta1/namespaces/{namespace}/pods/*"
    try:
        found = cluster.api.get(f"{path}/autoquality_queue_seconds")["items"]
    except Refused:
        return {}
    return {one["describedObject"]["name"]: one["value"] for one in found}
