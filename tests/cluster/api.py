"""The two ways to a cluster: its API over HTTPS, and kubectl as a user runs it."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.waiting import LIMIT, in_background, until

Object = dict[str, Any]

NAMESPACED = {
    "pods": "/api/v1",
    "services": "/api/v1",
    "configmaps": "/api/v1",
    "endpointslices": "/apis/discovery.k8s.io/v1",
    "deployments": "/apis/apps/v1",
    "horizontalpodautoscalers": "/apis/autoscaling/v2",
    "poddisruptionbudgets": "/apis/policy/v1",
    "servicemonitors": "/apis/monitoring.coreos.com/v1",
}
"""Where the resources that the tests read are."""


class Refused(Exception):
    """The cluster refused something; the text is its reason."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Api:
    """The API at a port of this machine, for a client certificate."""

    port: int
    context: ssl.SSLContext

    def get(self, path: str) -> Any:
        """The answer to a GET. Raises Refused."""
        return self.send("GET", path)

    def send(
        self, method: str, path: str, body: object = None, content_type: str = "application/json"
    ) -> Any:
        """The JSON of an answer, or its text. Raises Refused for a status of 400 or more."""
        connection = self._connect()
        try:
            headers = {"Content-Type": content_type}
            connection.request(method, path, json.dumps(body) if body else None, headers)
            answer = connection.getresponse()
            text = answer.read().decode()
        finally:
            connection.close()
        is_json = answer.headers.get_content_type() == "application/json"
        if answer.status >= 400:
            raise Refused(answer.status, json.loads(text)["message"] if is_json else text)
        return json.loads(text) if is_json else text

    def path(self, kind: str, namespace: str, name: str = "") -> str:
        """The path of a resource in a namespace, or of all of a kind."""
        return f"{NAMESPACED[kind]}/namespaces/{namespace}/{kind}/{name}".rstrip("/")

    def one(self, kind: str, namespace: str, name: str = "autoquality") -> Object:
        """A resource. Raises Refused if there is none of this name."""
        found: Object = self.get(self.path(kind, namespace, name))
        return found

    def all(self, kind: str, namespace: str) -> list[Object]:
        """Every resource of a kind in a namespace."""
        found: list[Object] = self.get(self.path(kind, namespace))["items"]
        return found

    def patch(self, path: str, change: Object) -> None:
        """Merge `change` into a resource, as `kubectl patch` does. Raises Refused."""
        self.send("PATCH", path, change, "application/strategic-merge-patch+json")

    def evict(self, pod: Object) -> None:
        """Evict a pod, as a drain does. Raises Refused with code 429 if a budget forbids it."""
        meta = {name: pod["metadata"][name] for name in ("name", "namespace")}
        eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": meta}
        path = self.path("pods", meta["namespace"], meta["name"])
        self.send("POST", f"{path}/eviction", eviction)

    @contextmanager
    def watching(self, kind: str, namespace: str) -> Iterator[list[Object]]:
        """Every change of a kind, in order and from now on: "type" and "object".

        The list is complete when the block ends.
        """
        version = self.get(self.path(kind, namespace))["metadata"]["resourceVersion"]
        path = f"{self.path(kind, namespace)}?watch=true&resourceVersion={version}"
        connection = self._connect(timeout=10 * LIMIT)
        changes: list[Object] = []
        connection.request("GET", path)
        answer = connection.getresponse()
        stream = connection.sock

        def read() -> None:
            with answer, suppress(OSError, http.client.HTTPException):
                for line in answer:
                    changes.append(json.loads(line))  # noqa: PERF401 - read meanwhile

        reading = in_background(read)
        try:
            yield changes
            # A watch is in order: after this change, all earlier ones have been read.
            marker = "end-of-watch"
            first = self.all(kind, namespace)[0]["metadata"]["name"]
            self.patch(
                self.path(kind, namespace, first), {"metadata": {"annotations": {marker: ""}}}
            )
            until(
                lambda: reading.done() or marker in str(changes[-1:]), reason=f"the watch of {kind}"
            )
            assert not reading.done(), f"the watch of {kind} ended early"
        finally:
            stream.shutdown(socket.SHUT_RDWR)
            reading.result(LIMIT)
            connection.close()

    def _connect(self, timeout: float = LIMIT) -> http.client.HTTPSConnection:
        return http.client.HTTPSConnection(
            "127.0.0.1", self.port, context=self.context, timeout=timeout
        )


@dataclass(frozen=True)
class Kubectl:
    """kubectl for one cluster."""

    kubeconfig: Path

    def __call__(self, *arguments: str | Path, given: str | None = None) -> str:
        """Run it; returns its output, warnings included. Raises Refused with its error."""
        return self.run(str(Path(sys.executable).with_name("kubectl")), *arguments, given=given)

    def run(self, program: str, *arguments: str | Path, given: str | None = None) -> str:
        """Run `program` with the same access. Raises Refused with its error."""
        done = subprocess.run(
            [program, f"--kubeconfig={self.kubeconfig}", *map(str, arguments)],
            input=given,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=10 * LIMIT,
        )
        if done.returncode:
            raise Refused(done.returncode, done.stdout)
        return done.stdout


def ready(pod: Object) -> bool:
    """Whether a pod is ready and stays."""
    conditions = pod.get("status", {}).get("conditions", [])
    return "deletionTimestamp" not in pod["metadata"] and any(
        one["type"] == "Ready" and one["status"] == "True" for one in conditions
    )
