"""A real control plane of Kubernetes on this machine, with simulated nodes.

etcd, the API server, the controllers and the scheduler are real. kwok simulates the kubelets: it
reports imaginary nodes as ready, and runs no container.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.cluster.access import Access
from tests.cluster.api import Api, Kubectl, Refused
from tests.cluster.processes import PROGRAMS, Programs, free_port, programs

ADMIN = ("admin", "system:masters")
NODES = 3
GPU_NODES = 2
"""With one GPU each, as many as a Deployment has pods: no GPU is to spare."""

NEVER_READY = "never-ready"
"""The tag of an image whose pods never get ready."""

_START_DELAY = {"durationMilliseconds": 500}
_END_DELAY = {"durationMilliseconds": 1000}


@dataclass(frozen=True)
class Cluster:
    """A cluster that runs."""

    programs: Programs
    access: Access
    admin: Path
    """The kubeconfig of its administrator."""
    api: Api
    kubectl: Kubectl

    def apply(self, *resources: dict[str, Any]) -> None:
        """Create or change resources. Raises Refused."""
        self.kubectl("apply", "--server-side", "--filename=-", given=yaml.safe_dump_all(resources))


@contextmanager
def control_plane(folder: Path) -> Iterator[Cluster]:
    """Start a cluster without nodes; all its files are in `folder`."""
    port = free_port()
    access = Access(folder, port)
    api = Api(port, access.context(*ADMIN))
    admin = access.kubeconfig(*ADMIN)
    with programs(folder) as running:
        cluster = Cluster(running, access, admin, api, Kubectl(admin))
        start_api_server(running, access)
        running.wait(lambda: healthy(api), "the API server")
        controllers = access.kubeconfig("system:kube-controller-manager")
        running.start(
            "kube-controller-manager",
            f"--kubeconfig={controllers}",
            f"--authentication-kubeconfig={controllers}",
            f"--authorization-kubeconfig={controllers}",
            f"--service-account-private-key-file={folder / 'accounts.key'}",
            f"--root-ca-file={access.ca}",
            "--use-service-account-credentials",
            "--leader-elect=false",
            "--bind-address=127.0.0.1",
            f"--secure-port={free_port()}",
            # The defaults of 15 s, 30 s and 5 minutes are for pods that take time to start.
            "--horizontal-pod-autoscaler-sync-period=3s",
            "--horizontal-pod-autoscaler-initial-readiness-delay=1s",
            "--horizontal-pod-autoscaler-cpu-initialization-period=1s",
        )
        scheduler = access.kubeconfig("system:kube-scheduler")
        running.start(
            "kube-scheduler",
            f"--kubeconfig={scheduler}",
            f"--authentication-kubeconfig={scheduler}",
            f"--authorization-kubeconfig={scheduler}",
            "--leader-elect=false",
            "--bind-address=127.0.0.1",
            f"--secure-port={free_port()}",
        )
        yield cluster


def start_api_server(running: Programs, access: Access) -> None:
    """Start etcd and the API server."""
    folder = access.folder
    etcd, peers = (f"http://127.0.0.1:{free_port()}" for _ in range(2))
    running.start(
        "etcd",
        f"--data-dir={folder / 'etcd'}",
        f"--listen-client-urls={etcd}",
        f"--advertise-client-urls={etcd}",
        f"--listen-peer-urls={peers}",
        f"--initial-advertise-peer-urls={peers}",
        f"--initial-cluster=default={peers}",
        "--unsafe-no-fsync",
        "--logger=zap",
        "--log-level=warn",
    )
    serving = access.certificate("127.0.0.1")
    accounts, accounts_key = access.certificate(user="accounts")
    # The API server shows who called to the metrics servers behind it.
    proxies = Access(folder, access.port)
    proxy, proxy_key = proxies.certificate(user="front-proxy")
    proxy_ca = folder / "front-proxy-ca.pem"
    proxy_ca.write_bytes(proxies.authority.cert_pem.bytes())
    running.start(
        "kube-apiserver",
        f"--etcd-servers={etcd}",
        "--bind-address=127.0.0.1",
        f"--secure-port={access.port}",
        # No pod calls it.
        "--advertise-address=192.0.2.1",
        "--endpoint-reconciler-type=none",
        "--allow-privileged",
        "--service-cluster-ip-range=198.18.0.0/16",
        "--authorization-mode=RBAC",
        f"--client-ca-file={access.ca}",
        f"--tls-cert-file={serving[0]}",
        f"--tls-private-key-file={serving[1]}",
        "--service-account-issuer=https://cluster.test",
        f"--service-account-key-file={accounts}",
        f"--service-account-signing-key-file={accounts_key}",
        f"--requestheader-client-ca-file={proxy_ca}",
        "--requestheader-allowed-names=front-proxy",
        "--requestheader-username-headers=X-Remote-User",
        "--requestheader-group-headers=X-Remote-Group",
        "--requestheader-extra-headers-prefix=X-Remote-Extra-",
        f"--proxy-client-cert-file={proxy}",
        f"--proxy-client-key-file={proxy_key}",
    )


def healthy(api: Api) -> bool:
    """Whether the API server serves everything."""
    with suppress(OSError, Refused):
        return bool(api.get("/readyz") == "ok")
    return False


def start_nodes(cluster: Cluster) -> None:
    """Simulate machines for the pods, and machines with a GPU."""
    port = free_port()
    certificate, key = cluster.access.certificate("localhost", "127.0.0.1")
    stages = cluster.access.folder / "stages.yaml"
    stages.write_text(yaml.safe_dump_all(simulation()))
    cluster.programs.start(
        "kwok",
        f"--kubeconfig={cluster.admin}",
        f"--config={stages}",
        "--manage-all-nodes",
        "--node-lease-duration-seconds=40",
        "--node-ip=127.0.0.1",
        "--node-name=localhost",
        f"--node-port={port}",
        f"--server-address=127.0.0.1:{port}",
        f"--tls-cert-file={certificate}",
        f"--tls-private-key-file={key}",
    )
    nodes = [node(f"cpu-{number}") for number in range(NODES)]
    nodes += [node(f"gpu-{number}", gpus=1) for number in range(GPU_NODES)]
    for one in nodes:
        cluster.api.send("POST", "/api/v1/nodes", one)
        cluster.kubectl("wait", "--for=condition=Ready", "node", one["metadata"]["name"])


def simulation() -> list[dict[str, Any]]:
    """Kwok's own stages and metrics, but pods take time to start and to end."""
    parts = [
        part
        for path in sorted((PROGRAMS / "kwok-config").glob("*.yaml"))
        for part in yaml.safe_load_all(path.read_text())
    ]
    stages = {part["metadata"]["name"]: part["spec"] for part in parts}
    stages["pod-delete"]["delay"] = _END_DELAY
    start = stages["pod-ready"]
    start["delay"] = _START_DELAY
    start["selector"]["matchExpressions"].append(
        {
            "key": f'.spec.containers.[].image | select( endswith(":{NEVER_READY}") )',
            "operator": "DoesNotExist",
        }
    )
    return parts


def node(name: str, gpus: int = 0) -> dict[str, Any]:
    """A machine with 32 cores; only pods that tolerate it run on one with GPUs."""
    resources = {"cpu": "32", "memory": "128Gi", "pods": "110", "ephemeral-storage": "100Gi"}
    taints = []
    if gpus:
        resources["nvidia.com/gpu"] = str(gpus)
        taints = [{"key": "nvidia.com/gpu", "value": "present", "effect": "NoSchedule"}]
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name,
            "labels": {"kubernetes.io/hostname": name, "kubernetes.io/os": "linux"},
            # Where metrics-server asks the node for the use of CPU.
            "annotations": {
                "metrics.k8s.io/resource-metrics-path": f"/metrics/nodes/{name}/metrics/resource"
            },
        },
        "spec": {"taints": taints},
        "status": {"allocatable": resources, "capacity": resources},
    }
