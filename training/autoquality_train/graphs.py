"""Frozen graphs with a head for each metric: their parts, by the names of their nodes.

A graph computes statistics of an image's tiles, and from them OUTPUTS for each metric.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from autoquality_core.metrics import DSSIM
from autoquality_core.networks.inputs import TILES
from autoquality_core.networks.tensorflow import tensorflow

OUTPUTS = ("logits", "curve_mean", "curve_factor")
"""The outputs for each metric, in its scope."""

INPUTS = ("image", "target")

TILES_NAME = "tiles"
"""The input of a head that is not yet part of a graph: the statistics of tiles."""


def scope(metric: str) -> str:
    """What the names of a metric's nodes begin with."""
    return "" if metric == DSSIM.name else f"{metric}/"


def metric_part(graph: bytes, side_file: Mapping[str, Any], metric: str) -> bytes:
    """The part of a serialised graph that computes the outputs for one metric."""
    parsed = tensorflow().compat.v1.GraphDef.FromString(graph)
    head = side_file if metric == DSSIM.name else side_file["metrics"][metric]
    tensors = {**side_file["tensors"], **head["tensors"]}
    return serialised(parsed, [name.partition(":")[0] for name in tensors.values()])


def serialised(graph: Any, outputs: Iterable[str]) -> bytes:
    """The part of a GraphDef that computes `outputs`; equal parts give equal bytes."""
    data: bytes = _part(graph, outputs).SerializeToString(deterministic=True)
    return data


def _part(graph: Any, outputs: Iterable[str]) -> Any:
    return tensorflow().compat.v1.graph_util.extract_sub_graph(graph, list(outputs))


def outputs_in(graph: Any) -> list[str]:
    """The names of the outputs of a GraphDef, for all metrics."""
    return [node.name for node in graph.node if node.name.rpartition("/")[2] in OUTPUTS]


def without(graph: Any, metrics: Iterable[str]) -> Any:
    """The graph without its heads for `metrics`."""
    scopes = tuple(map(scope, metrics))
    kept = [name for name in outputs_in(graph) if not name.startswith(scopes)]
    return _part(graph, [*INPUTS, *kept])


def tiles_in(graph: Any, width: int) -> str:
    """The name of the operation that computes the statistics of tiles. Raises ValueError."""
    tf = tensorflow()
    imported = tf.Graph()
    with imported.as_default():
        tf.import_graph_def(graph, name="")
    for operation in imported.get_operations():
        shape = operation.outputs[0].shape if operation.type == "Reshape" else None
        if shape is not None and shape.rank == 3 and shape.as_list()[1:] == [TILES, width]:
            return str(operation.name)
    raise ValueError("the network to add a head to does not compute the statistics of tiles")


def add(graph: Any, head: Any, scope: str, tiles: str) -> None:
    """Add the nodes of `head` to `graph`, named in `scope`, with the statistics from `tiles`."""
    known = {node.name for node in graph.node}
    renamed = {TILES_NAME: tiles} | {name: name for name in INPUTS}
    for node in head.node:
        if renamed.get(node.name) in known:
            continue
        added = graph.node.add()
        added.CopyFrom(node)
        added.name = renamed.get(node.name, f"{scope}{node.name}")
        for at, name in enumerate(node.input):
            control, plain = "^" * name.startswith("^"), name.removeprefix("^")
            source, colon, port = plain.partition(":")
            added.input[at] = f"{control}{renamed.get(source, scope + source)}{colon}{port}"
