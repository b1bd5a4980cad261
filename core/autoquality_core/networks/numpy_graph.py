"""Frozen graphs in NumPy: the bundled networks, and others of their kind.

They consist of products of small matrices and of arithmetic. NumPy computes them as
fast as TensorFlow does, without its seconds to start and hundreds of megabytes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from autoquality_core.networks.backend import Array, Outputs
from autoquality_core.networks.errors import PredictionFailed
from autoquality_core.networks.frozen_graph import GraphBackend, rows_of
from autoquality_core.networks.graph_file import (
    FLOAT,
    UINT8,
    Node,
    Shape,
    Unsupported,
    needed,
    read_nodes,
)
from autoquality_core.networks.graph_operations import Operation, operation
from autoquality_core.networks.inputs import SIDE
from autoquality_core.networks.side_file import SideFile

_PLACEHOLDER = "Placeholder"
_NOTHING = "NoOp"
"""Has no output, and only waits for other operations."""

_OF_SHAPES = ("OnesLike", "Shape", "ZerosLike")
"""Operations whose outputs depend on sizes alone, which a plan fixes."""


class NumPyGraph(GraphBackend):
    """A graph of the operations that `graph_operations` has.

    It takes batches of any size: 416 x 416 RGB as uint8, channels last, and optionally
    the target of each.
    """

    runtime = "numpy"

    def __init__(self, data: bytes, side_file: SideFile) -> None:
        """Read the graph in `data`. Raises Unsupported if it needs TensorFlow."""
        self.is_float = self.channels_first = False
        self.batch = None
        self.device = "CPU:0"
        self.metrics = tuple(side_file.heads)
        self.residuals = {metric: head.residual for metric, head in side_file.heads.items()}
        self._outputs = {
            metric: [_node(tensor) for tensor in head.tensors.values()]
            for metric, head in side_file.heads.items()
        }
        self._nodes = read_nodes(data)
        self._image = self._input(side_file, "image", UINT8, (None, SIDE, SIDE, 3))
        self._target = ""
        if "target" in side_file.tensors:
            self._target = self._input(side_file, "target", FLOAT, (None,))
        self._plans: dict[str, Plan] = {}

    def run(
        self, images: Sequence[Array], targets: npt.ArrayLike, metrics: Sequence[str]
    ) -> Sequence[Outputs]:
        """See Backend. Runs image after image.

        The arrays of several do not fit into the processor's cache. An image's outputs do
        not depend on the others.
        """
        given = zip(images, np.asarray(targets, np.float32), metrics, strict=True)
        return [self._run_one(*one) for one in given]

    def _run_one(self, image: Array, target: np.float32, metric: str) -> Outputs:
        inputs = {self._image: image[None]}
        if self._target:
            inputs[self._target] = np.array([target])
        try:
            with np.errstate(all="ignore"):  # the outputs are checked
                if metric not in self._plans:
                    names = self._outputs[metric]
                    self._plans[metric] = Plan(needed(self._nodes, names), names, inputs)
                outputs = self._plans[metric].run(inputs)
        except (Unsupported, np.linalg.LinAlgError) as error:
            raise PredictionFailed(str(error)) from error
        return rows_of({metric: outputs}, [metric])[0]

    def close(self) -> None:
        self._plans.clear()

    def _input(self, side_file: SideFile, role: str, kind: int, shape: Shape) -> str:
        """The name of the placeholder for an input. Raises Unsupported."""
        name = _node(side_file.tensors[role])
        node = self._nodes.get(name)
        found = node and (node.kind, node.attributes.get("dtype"), node.attributes.get("shape"))
        if found != (_PLACEHOLDER, kind, shape):
            raise Unsupported(f"'{name}' is another input")
        return name


def _node(tensor: str) -> str:
    """The name of the node whose first output is `tensor`. Raises Unsupported."""
    name, _, output = tensor.partition(":")
    if output != "0":
        raise Unsupported(f"'{tensor}' is not the first output")
    return name


class Plan:
    """A graph prepared for inputs of fixed shapes: steps in order, with everything constant done.

    Thread-safe. It releases arrays after their last use.
    """

    def __init__(
        self, nodes: Sequence[Node], outputs: Sequence[str], inputs: Mapping[str, Array]
    ) -> None:
        """Run `nodes`, each after its inputs, on examples of the inputs. Raises Unsupported."""
        constants: dict[str, Array] = {}
        values: dict[str, Array] = {}
        calls: list[tuple[Operation, tuple[str, ...], str]] = []
        uses = Counter([*(source for node in nodes for source in node.inputs), *outputs])
        for node in nodes:
            if node.kind == _NOTHING:
                continue
            if node.kind == _PLACEHOLDER:
                if node.name not in inputs:
                    raise Unsupported(f"it has the input '{node.name}'")
                values[node.name] = inputs[node.name]
                continue
            function = operation(node)
            value = _output(node, function, [values[source] for source in node.inputs])
            values[node.name] = value
            if node.kind in _OF_SHAPES or constants.keys() >= set(node.inputs):
                constants[node.name] = value
            else:
                calls.append((function, node.inputs, node.name))
            for source in node.inputs:
                uses[source] -= 1
                if not uses[source]:
                    values.pop(source, None)
        self._constants = constants
        self._outputs = outputs
        used = {*constants, *outputs}
        steps = []
        for function, sources, output in reversed(calls):
            steps.append((function, sources, output, [*{*sources} - used]))
            used.update(sources)
        self._steps = steps[::-1]
        """Functions, each with the names of its inputs, its output, and inputs not used later."""

    def run(self, inputs: Mapping[str, Array]) -> list[Array]:
        """The outputs for inputs of the same shapes as the examples."""
        arrays = {**self._constants, **inputs}
        for function, sources, output, dropped in self._steps:
            arrays[output] = function(*[arrays[source] for source in sources])
            for name in dropped:
                del arrays[name]
        return [np.asarray(arrays[name]) for name in self._outputs]


def _output(node: Node, function: Operation, values: Sequence[Array]) -> Array:
    """The output of a node for the values of its inputs. Raises Unsupported."""
    try:
        return np.asarray(function(*values))
    except (ValueError, TypeError, LookupError, np.linalg.LinAlgError) as error:
        raise Unsupported(f"'{node.name}' fails: {error}") from error
