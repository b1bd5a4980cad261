"""Prepares a graph for inputs of fixed shapes: steps in order, with everything constant done."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from autoquality_core.networks.backend import Array
from autoquality_core.networks.graph_file import Node, Unsupported
from autoquality_core.networks.graph_operations import Operation, can_overwrite, operation

PLACEHOLDER = "Placeholder"
_NOTHING = "NoOp"
"""Has no output, and only waits for other operations."""

_OF_SHAPES = ("OnesLike", "Shape", "ZerosLike")
"""Operations whose outputs depend on sizes alone, which a plan fixes."""


class _Step(NamedTuple):
    """A function of the arrays in some slots, whose result goes to the slot `output`.

    It overwrites the array in the slot `overwritten`, -1 for none. The slots `dropped` are
    not used after it.
    """

    function: Operation
    inputs: tuple[int, ...]
    output: int
    overwritten: int
    dropped: tuple[int, ...]


class Plan:
    """Computes outputs of a graph. Thread-safe.

    It releases arrays after their last use, and overwrites them where the result fits.
    So the same memory stays in the processor's cache.
    """

    def __init__(
        self, nodes: Sequence[Node], outputs: Sequence[str], inputs: Mapping[str, Array]
    ) -> None:
        """Run `nodes`, each after its inputs, on examples of the inputs. Raises Unsupported."""
        trace = _Trace()
        values: dict[str, Array] = {}
        uses = Counter([*(source for node in nodes for source in node.inputs), *outputs])
        for node in nodes:
            if node.kind == _NOTHING:
                continue
            if node.kind == PLACEHOLDER:
                values[node.name] = trace.add_input(node.name, inputs)
            else:
                values[node.name] = trace.add(node, [values[source] for source in node.inputs])
            for source in node.inputs:
                uses[source] -= 1
                if not uses[source]:
                    values.pop(source, None)
        self._slots = trace.constants
        self._inputs = {name: trace.slots[name] for name in inputs if name in trace.slots}
        self._outputs = [trace.slots[name] for name in outputs]
        self._steps = list(trace.steps(self._outputs))[::-1]

    def run(self, inputs: Mapping[str, Array]) -> list[Array]:
        """The outputs for inputs of the same shapes as the examples."""
        slots: list[Array | None] = self._slots.copy()
        for name, slot in self._inputs.items():
            slots[slot] = inputs[name]
        get = slots.__getitem__
        for function, sources, output, overwritten, dropped in self._steps:
            if overwritten < 0:
                slots[output] = function(*map(get, sources))
            else:
                slots[output] = function(*map(get, sources), out=slots[overwritten])
            for slot in dropped:
                slots[slot] = None
        return [np.asarray(slots[slot]) for slot in self._outputs]


class _Trace:
    """What a plan learns from one run.

    Nodes that return their input share its slot. `owners` has, for each slot, the slot
    whose memory it uses: another one for a view, None for inputs and constants.
    """

    def __init__(self) -> None:
        self.slots: dict[str, int] = {}
        self.constants: list[Array | None] = []
        self._owners: list[int | None] = []
        self._layouts: list[tuple[object, ...]] = []
        self._calls: list[tuple[Operation, tuple[int, ...], int]] = []

    def add_input(self, name: str, inputs: Mapping[str, Array]) -> Array:
        if name not in inputs:
            raise Unsupported(f"it has the input '{name}'")
        self._slot(name, inputs[name])
        return inputs[name]

    def add(self, node: Node, values: Sequence[Array]) -> Array:
        """The output of a node for the values of its inputs. Raises Unsupported."""
        sources = tuple(self.slots[source] for source in node.inputs)
        known = [self.constants[slot] for slot in sources]
        function = operation(node, known)
        try:
            value = np.asarray(function(*values))
        except (ValueError, TypeError, IndexError, np.linalg.LinAlgError) as error:
            raise Unsupported(f"'{node.name}' fails: {error}") from error
        if node.kind in _OF_SHAPES or all(one is not None for one in known):
            self.constants[self._slot(node.name, value)] = value
            return value
        for slot, source in zip(sources, values, strict=True):
            if value is source:
                self.slots[node.name] = slot
                return value
        slot = self._slot(node.name, value)
        shared = [
            i for i, one in zip(sources, values, strict=True) if np.may_share_memory(one, value)
        ]
        self._owners[slot] = self._owners[shared[0]] if shared else slot
        self._calls.append((function, sources, slot))
        return value

    def steps(self, outputs: Sequence[int]) -> Iterator[_Step]:
        """The steps, the last one first."""
        used = {slot for slot in range(len(self._owners)) if self.constants[slot] is not None}
        used.update(outputs)
        owners_used: set[int | None] = {None, *(self._owners[slot] for slot in outputs)}
        for function, sources, output in reversed(self._calls):
            dropped = tuple(set(sources) - used)
            overwritten = -1
            if can_overwrite(function):
                fitting = (
                    slot
                    for slot in dropped
                    if self._owners[slot] not in owners_used
                    and self._layouts[slot] == self._layouts[output]
                )
                overwritten = next(fitting, -1)
            yield _Step(function, sources, output, overwritten, dropped)
            used.update(sources)
            owners_used.update(self._owners[slot] for slot in sources)

    def _slot(self, name: str, value: Array) -> int:
        slot = self.slots[name] = len(self.constants)
        self.constants.append(None)
        self._owners.append(None)
        self._layouts.append((value.dtype, value.shape, value.strides))
        return slot
