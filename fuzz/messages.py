"""Mutates protobuf messages field by field, so that the result is a valid message."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from typing import Any, TypeVar

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

_M = TypeVar("_M", bound=Message)

_WHOLE = (0, 1, -1, 2, 3, 4, 7, 15, 16, 17, 100, 101, 255, 256, 2**16, 2**31 - 1, -(2**31))
_REAL = (0.0, -0.0, 1e-12, 0.001, 0.02, 1.0, 1.5, 500.0, 1e308, -1.0, math.inf, -math.inf, math.nan)
_TEXTS = ("", "#ffffff", "102030", "#fffff", "#FFFFFF\n", "#١٢٣٤٥٦", "ÿ" * 7, "white", "\0")


def mutated(message: _M, chance: random.Random) -> _M:
    """A copy with a few fields set, cleared or changed, at any depth."""
    made = type(message)()
    made.CopyFrom(message)
    for _ in range(chance.choice((1, 1, 2, 4))):
        _change_one(made, chance)
    return made


def _change_one(message: Message, chance: random.Random) -> None:
    # The two kinds of descriptors in protobuf have the same attributes here.
    field: Any = chance.choice(message.DESCRIPTOR.fields)
    if field.message_type is not None:
        if chance.randrange(5) == 0:
            message.ClearField(field.name)
        else:
            inner = getattr(message, field.name)
            inner.SetInParent()
            _change_one(inner, chance)
    elif chance.randrange(5) == 0:
        message.ClearField(field.name)
    elif field.is_repeated:
        values = getattr(message, field.name)
        values.append(_value(field, values[-1] if values else 0, chance))
    else:
        setattr(message, field.name, _value(field, getattr(message, field.name), chance))


def _value(field: FieldDescriptor, old: Any, chance: random.Random) -> Any:
    if field.enum_type is not None:
        return chance.choice([*field.enum_type.values_by_number, 15, 2**31 - 1, -1])
    return _MAKERS[field.cpp_type](old, chance)


def _whole(old: int, chance: random.Random) -> int:
    near = max(min(old + chance.choice((-1, 1)), 2**31 - 1), -(2**31))
    return chance.choice((near, chance.randint(1, 100), chance.choice(_WHOLE)))


def _real(old: float, chance: random.Random) -> float:
    return chance.choice((old / 2, chance.random(), 10 ** chance.uniform(0, 5), *_REAL))


def _text(old: str | bytes, chance: random.Random) -> str | bytes:
    if isinstance(old, str):
        return chance.choice((*_TEXTS, old[1:], f"#{chance.getrandbits(24):06x}"))
    changed = bytearray(old)
    for _ in range(chance.choice((1, 2, 8))):
        at = chance.randrange(len(changed) + 1)
        changed[at : at + chance.randrange(3)] = chance.randbytes(chance.randrange(3))
    if chance.randrange(8) == 0:
        del changed[chance.randrange(len(changed) + 1) :]
    return bytes(changed)


def _either(_old: bool, chance: random.Random) -> bool:
    return chance.random() < 0.5


_MAKERS: dict[int, Callable[[Any, random.Random], Any]] = {
    FieldDescriptor.CPPTYPE_INT32: _whole,
    FieldDescriptor.CPPTYPE_INT64: _whole,
    FieldDescriptor.CPPTYPE_DOUBLE: _real,
    FieldDescriptor.CPPTYPE_BOOL: _either,
    FieldDescriptor.CPPTYPE_STRING: _text,
}
"""protobuf has one kind for strings and bytes."""
