"""Prepares a graph for inputs of fixed shapes: steps in order, with everything constant done."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from autoquality_core.networks.backend import Array
from autoquality_core.networks.graph_file import Node, Unsupported
from autoquality_core.networks.graph_operations import Operation, operation

PLACEHOLDER = "Placeholder"
_NOTHING = "NoOp"
"""Has no output, and only waits for other operations."""

_OF_SHAPES = ("OnesLike", "Shape", "ZerosLike")
"""Operations whose outputs depend on sizes alone, which a plan fixes."""


class _Step(NamedTuple):
    """A function of the arrays with some names, and the name of its result.

    The arrays `dropped` are not used after it.
    """

    function: Operation
    inputs: Sequence[str]
    output: str
    dropped: Sequence[str]


class Plan:
    """Computes outputs of a graph. Thread-safe. It releases arrays after their last use."""

    def __init__(
        self, nodes: Sequence[Node], outputs: Sequence[str], inputs: Mapping[str, Array]
    ) -> None:
        """Run `nodes`, each after its inputs, on examples of the inputs. Raises Unsupported."""
        constants: dict[str, Array] = {}
        names: dict[str, str] = {}
        """The name of the array for each node: nodes that return their input share its array."""
        values: dict[str, Array] = {}
        calls: list[tuple[Operation, list[str], str]] = []
        uses = Counter([*(source for node in nodes for source in node.inputs), *outputs])
        for node in nodes:
            if node.kind == _NOTHING:
                continue
            name = names[node.name] = node.name
            if node.kind == PLACEHOLDER:
                if name not in inputs:
                    raise Unsupported(f"it has the input '{name}'")
                values[name] = inputs[name]
                continue
            sources = [names[source] for source in node.inputs]
            given = [values[source] for source in node.inputs]
            function = operation(node, [constants.get(source) for source in sources])
            value = values[name] = _output(node, function, given)
            if node.kind in _OF_SHAPES or constants.keys() >= set(sources):
                constants[name] = value
            elif same := [
                source for source, one in zip(sources, given, strict=True) if one is value
            ]:
                names[name] = same[0]
            else:
                calls.append((function, sources, name))
            for source in node.inputs:
                uses[source] -= 1
                if not uses[source]:
                    values.pop(source, None)
        self._constants = constants
        self._outputs = [names[name] for name in outputs]
        used = {*constants, *self._outputs}
        steps = []
        for function, sources, output in reversed(calls):
            steps.append(_Step(function, sources, output, [*{*sources} - used]))
            used.update(sources)
        self._steps = steps[::-1]

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
    except (ValueError, TypeError, IndexError, np.linalg.LinAlgError) as error:
        raise Unsupported(f"'{node.name}' fails: {error}") from error
