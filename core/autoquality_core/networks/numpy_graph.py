"""Frozen graphs in NumPy: the bundled networks, and others of their kind.

They consist of products of small matrices and of arithmetic. NumPy computes them as
fast as TensorFlow does, without its seconds to start and hundreds of megabytes.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from autoquality_core.networks.backend import Array, Outputs
from autoquality_core.networks.errors import PredictionFailed
from autoquality_core.networks.frozen_graph import GraphBackend, rows_of
from autoquality_core.networks.graph_file import (
    FLOAT,
    UINT8,
    Shape,
    Unsupported,
    needed,
    read_nodes,
)
from autoquality_core.networks.graph_plan import PLACEHOLDER, Plan
from autoquality_core.networks.inputs import SIDE
from autoquality_core.networks.side_file import SideFile


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
        """See Backend."""
        self._plans.clear()

    def _input(self, side_file: SideFile, role: str, kind: int, shape: Shape) -> str:
        """The name of the placeholder for an input. Raises Unsupported."""
        name = _node(side_file.tensors[role])
        node = self._nodes.get(name)
        if (
            node is None
            or node.kind != PLACEHOLDER
            or (node.attributes.get("dtype"), node.attributes.get("shape")) != (kind, shape)
        ):
            raise Unsupported(f"'{name}' is another input")
        return name


def _node(tensor: str) -> str:
    """The name of the node whose first output is `tensor`. Raises Unsupported."""
    name, _, output = tensor.partition(":")
    if output != "0":
        raise Unsupported(f"'{tensor}' is not the first output")
    return name
