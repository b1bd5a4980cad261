"""Reads a frozen graph without TensorFlow: the nodes of a serialised GraphDef.

TensorFlow alone has the classes of its messages, so the fields that are read are declared here.
Whatever else the bundled networks do not contain raises Unsupported, and TensorFlow reads the file.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from autoquality_core.networks.backend import Array

FLOAT, UINT8 = 1, 4
TYPES: Mapping[int, Any] = {FLOAT: np.float32, 3: np.int32, UINT8: np.uint8, 9: np.int64}
"""The types of numbers, by their value in TensorFlow's DataType."""

Shape = tuple[int | None, ...] | None
"""Sizes, None for open ones. None if even their count is open."""

_MESSAGES: Mapping[str, str] = {
    "GraphDef": "NodeDef[] node 1",
    "NodeDef": "string name 1, string op 2, string[] input 3, Attribute[] attr 5",
    "Attribute": "string key 1, AttrValue value 2",
    "AttrValue": "int64 i 3, bool b 5, int32 type 6, Shape shape 7, Tensor tensor 8",
    "Shape": "Dimension[] dim 2, bool unknown_rank 3",
    "Dimension": "int64 size 1",
    "Tensor": "int32 dtype 1, Shape shape 2, bytes content 4, "
    "float[] float_val 5, int32[] int_val 7, int64[] int64_val 10",
}
"""The type, name and number of each field; [] marks repeated ones."""


class Unsupported(Exception):
    """The graph needs TensorFlow. `str` gives the reason."""


@dataclass(frozen=True, slots=True)
class Node:
    """An operation of a graph.

    `inputs` are the names of the nodes whose first output it takes, `controls` of
    those that run before it. `attributes` are integers, shapes or arrays, by name.
    """

    name: str
    kind: str
    inputs: tuple[str, ...]
    controls: tuple[str, ...]
    attributes: Mapping[str, Any]


def read_nodes(data: bytes) -> dict[str, Node]:
    """The nodes of a serialised GraphDef by name. Raises Unsupported."""
    from google.protobuf.message import DecodeError

    try:
        nodes = [_node(node) for node in _graph_class().FromString(data).node]
    except (DecodeError, KeyError, MemoryError, OverflowError, TypeError, ValueError) as error:
        raise Unsupported(f"its file cannot be read: {error!r}") from error
    return {node.name: node for node in nodes}


def needed(nodes: Mapping[str, Node], outputs: Iterable[str]) -> list[Node]:
    """The nodes that `outputs` depend on, each after its inputs. Raises Unsupported."""
    wanted = set(outputs)
    kept = []
    for node in reversed(list(nodes.values())):
        if node.name in wanted:
            wanted.remove(node.name)
            wanted.update(node.inputs, node.controls)
            kept.append(node)
    if wanted:
        raise Unsupported(f"it has no '{min(wanted)}' before the nodes that need it")
    return kept[::-1]


@cache
def _graph_class() -> Any:
    """The class of the message GraphDef."""
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

    Field = descriptor_pb2.FieldDescriptorProto  # noqa: N806 - a class
    file = descriptor_pb2.FileDescriptorProto(name="graph.proto")
    for message_name, fields in _MESSAGES.items():
        message = file.message_type.add(name=message_name)
        for declared in fields.split(", "):
            kind, name, number = declared.split()
            added = message.field.add(name=name, number=int(number))
            added.label = Field.LABEL_REPEATED if kind.endswith("[]") else Field.LABEL_OPTIONAL
            kind = kind.removesuffix("[]")
            if kind in _MESSAGES:
                added.type_name = kind
            else:
                added.type = Field.Type.Value(f"TYPE_{kind.upper()}")
    pool = descriptor_pool.DescriptorPool()  # TensorFlow has such a file in the default one
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("GraphDef"))


def _node(node: Any) -> Node:
    sources = [source.removesuffix(":0") for source in node.input]
    inputs = tuple(source for source in sources if not source.startswith("^"))
    controls = tuple(source[1:] for source in sources if source.startswith("^"))
    attributes = {one.key: _attribute(one.value) for one in node.attr}
    return Node(node.name, node.op, inputs, controls, attributes)


def _attribute(value: Any) -> Any:
    """The only field that is set; None for a field of another type."""
    for field, content in value.ListFields():
        if field.name == "shape":
            return _shape(content)
        return _tensor(content) if field.name == "tensor" else content
    return None


def _shape(shape: Any) -> Shape:
    if shape.unknown_rank:
        return None
    return tuple(None if one.size < 0 else one.size for one in shape.dim)


def _tensor(tensor: Any) -> Array:
    kind, shape = np.dtype(TYPES[tensor.dtype]), _known(_shape(tensor.shape))
    if tensor.content:
        # A copy is aligned in memory: products of other matrices are slower.
        return np.frombuffer(tensor.content, kind).reshape(shape).copy()
    numbers = [*tensor.float_val, *tensor.int_val, *tensor.int64_val]
    if not numbers:
        return np.zeros(shape, kind)
    numbers += numbers[-1:] * (math.prod(shape) - len(numbers))  # the last one repeats
    return np.array(numbers, kind).reshape(shape)


def _known(shape: Shape) -> tuple[int, ...]:
    if shape is None or None in shape:
        raise ValueError("the size of a constant is open")
    return tuple(size for size in shape if size is not None)
