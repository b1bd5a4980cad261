"""The metrics of an autoscaler: from metrics-server, and from a real server through Prometheus.

All pods of a namespace are simulated, and share one real server: Prometheus finds each pod through
the cluster's API, and reads the server's metrics at the server's address.
"""

from __future__ import annotations

import base64
from typing import Any

import yaml

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


def scrape_config(cluster: Cluster, namespace: str, monitor: Object, address: str) -> Object:
    """What the Prometheus operator makes of a ServiceMonitor, but every pod is at `address`."""
    labels = monitor["spec"]["selector"]["matchLabels"]
    (endpoint,) = monitor["spec"]["endpoints"]
    prefix = "__meta_kubernetes_"
    keep = {f"{prefix}service_label_{in_prometheus(name)}": value for name, value in labels.items()}
    keep[f"{prefix}endpointslice_port_name"] = endpoint["port"]
    job = f"{prefix}service_label_{in_prometheus(monitor['spec']['jobLabel'])}"
    take = {f"{prefix}namespace": "namespace", f"{prefix}pod_name": "pod", job: "job"}
    return {
        "job_name": f"serviceMonitor/{namespace}/{monitor['metadata']['name']}",
        "kubernetes_sd_configs": [
            {
                "role": "endpointslice",
                "kubeconfig_file": str(cluster.admin),
                "namespaces": {"names": [namespace]},
            }
        ],
        "relabel_configs": [
            *(
                {"source_labels": [label], "regex": value, "action": "keep"}
                for label, value in keep.items()
            ),
            *({"source_labels": [label], "target_label": target} for label, target in take.items()),
            {"target_label": "__address__", "replacement": address},
        ],
    }


def in_prometheus(label: str) -> str:
    """The name of a Kubernetes label in Prometheus."""
    return "".join(char if char.isalnum() else "_" for char in label)


def start_prometheus(cluster: Cluster, scrape: Object) -> Prometheus:
    """Start Prometheus with one scrape configuration, and wait until it has read every pod."""
    port = free_port()
    folder = cluster.access.folder
    times = {"scrape_interval": SCRAPE, "scrape_timeout": SCRAPE}
    config = folder / "prometheus.yaml"
    config.write_text(yaml.safe_dump({"global": times, "scrape_configs": [scrape]}))
    cluster.programs.start(
        "prometheus",
        f"--config.file={config}",
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
