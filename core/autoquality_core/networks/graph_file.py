"""Reads a frozen graph without TensorFlow: the nodes of a serialised GraphDef.

Protocol Buffers' wire format is read here, because TensorFlow alone has the classes
for it. Only what the bundled networks contain is read. Everything else raises
Unsupported, and TensorFlow reads the file.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from autoquality_core.networks.backend import Array

FLOAT, UINT8 = 1, 4
TYPES: Mapping[int, Any] = {FLOAT: np.float32, 3: np.int32, UINT8: np.uint8, 9: np.int64}
"""The types of numbers, by their value in TensorFlow's DataType."""

Shape = tuple[int | None, ...] | None
"""Sizes, None for open ones. None if even their count is open."""

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_SIZES = {_FIXED64: 8, _FIXED32: 4}


class Unsupported(Exception):
    """The graph needs TensorFlow. `str` gives the reason."""


@dataclass(frozen=True, slots=True)
class Node:
    """An operation of a graph.

    `inputs` are the names of the nodes whose first output it takes, `controls` of
    those that run before it. `attributes` are integers, bytes, shapes or arrays, by
    name.
    """

    name: str
    kind: str
    inputs: tuple[str, ...]
    controls: tuple[str, ...]
    attributes: Mapping[str, Any]


def read_nodes(data: bytes) -> dict[str, Node]:
    """The nodes of a serialised GraphDef by name. Raises Unsupported."""
    try:
        nodes = [_node(content) for number, content in _fields(data) if number == 1]
    except (IndexError, KeyError, MemoryError, OverflowError, TypeError, ValueError) as error:
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


def _node(data: bytes) -> Node:
    name, kind, attributes = "", "", {}
    sources = []
    for number, content in _fields(data):
        if number == 1:
            name = content.decode()
        elif number == 2:
            kind = content.decode()
        elif number == 3:
            sources.append(content.decode().removesuffix(":0"))
        elif number == 5:
            entry = dict(_fields(content))
            attributes[entry[1].decode()] = _attribute(entry[2])
    inputs = tuple(source for source in sources if not source.startswith("^"))
    controls = tuple(source[1:] for source in sources if source.startswith("^"))
    return Node(name, kind, inputs, controls, attributes)


def _attribute(data: bytes) -> Any:
    for number, content in _fields(data):
        if number == 7:
            return _shape(content)
        if number == 8:
            return _tensor(content)
        return _signed(content) if isinstance(content, int) else content
    return None


def _shape(data: bytes) -> Shape:
    """The sizes in a TensorShapeProto."""
    sizes: list[int | None] = []
    for number, content in _fields(data):
        if number == 3 and content:
            return None
        if number == 2:
            size = _signed(dict(_fields(content)).get(1, 0))
            sizes.append(None if size < 0 else size)
    return tuple(sizes)


def _tensor(data: bytes) -> Array:
    """The array in a TensorProto."""
    kind, raw = None, b""
    shape: tuple[int, ...] = ()
    numbers: list[Any] = []
    for number, content in _fields(data):
        if number == 1:
            kind = np.dtype(TYPES[content])
        elif number == 2:
            shape = _known(_shape(content))
        elif number == 4:
            raw = content
        elif number == 5:
            numbers += np.frombuffer(content, "<f4").tolist()
        elif number in (7, 10):
            numbers += map(_signed, _varints(content) if isinstance(content, bytes) else [content])
    if raw:
        # A copy is aligned in memory: products of other matrices are slower.
        return np.frombuffer(raw, kind).reshape(shape).copy()
    if not numbers:
        return np.zeros(shape, kind)
    numbers += numbers[-1:] * (math.prod(shape) - len(numbers))  # the last one repeats
    return np.array(numbers, kind).reshape(shape)


def _known(shape: Shape) -> tuple[int, ...]:
    if shape is None or None in shape:
        raise ValueError("the size of a constant is open")
    return tuple(size for size in shape if size is not None)


def _fields(data: bytes) -> Iterator[tuple[int, Any]]:
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        kind = tag & 7
        if kind == _VARINT:
            value, at = _varint(data, at)
            yield tag >> 3, value
            continue
        if kind == _BYTES:
            size, at = _varint(data, at)
        else:
            size = _SIZES[kind]
        if at + size > len(data):
            raise ValueError("it is cut off")
        yield tag >> 3, data[at : at + size]
        at += size


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = data[at]
    at += 1
    if value < 0x80:
        return value, at
    value &= 0x7F
    for shift in range(7, 70, 7):
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise ValueError("a number is too long")


def _varints(data: bytes) -> Iterator[int]:
    at = 0
    while at < len(data):
        value, at = _varint(data, at)
        yield value


def _signed(value: int) -> int:
    return value - 2**64 if value >= 2**63 else value
