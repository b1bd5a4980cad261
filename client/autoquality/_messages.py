"""Conversion between protobuf messages and dataclasses with the same field names.

Enums become Python enums and durations become seconds. Absent fields are None.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from google.protobuf import message_factory
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from autoquality import _enums

_Message = TypeVar("_Message", bound=Message)

Builders = Mapping[str, Callable[[Any], Any]]
"""Functions that build a dataclass from a message, by the message's full name."""

_DURATION = "google.protobuf.Duration"

_TYPES = {
    FieldDescriptor.CPPTYPE_INT32: "a whole number",
    FieldDescriptor.CPPTYPE_INT64: "a whole number",
    FieldDescriptor.CPPTYPE_DOUBLE: "a number",
    FieldDescriptor.CPPTYPE_BOOL: "True or False",
    FieldDescriptor.CPPTYPE_STRING: "a string",
}
"""What a caller has to give for a field of such a type."""

_BITS = {FieldDescriptor.CPPTYPE_INT32: 31, FieldDescriptor.CPPTYPE_INT64: 63}
"""The size of the largest whole numbers."""


def to_message(kind: type[_Message], fields: Mapping[str, Any]) -> _Message:
    """Build a message. None stays absent.

    Raises ValueError for an enum value that does not exist and for a number out of range, TypeError
    for a value of a wrong type.
    """
    return _built(kind, _to_fields(kind.DESCRIPTOR, fields))


def _built(kind: type[_Message], values: Mapping[str, Any]) -> _Message:
    """Build a message from values of its fields. An error names the field, unlike protobuf's."""
    try:
        return kind(**values)
    except (TypeError, ValueError, OverflowError):
        for name, value in values.items():
            field: Any = kind.DESCRIPTOR.fields_by_name[name]
            try:
                kind(**{name: value})
            except TypeError:
                right = _TYPES.get(field.cpp_type) or f"a {field.message_type.name}"
                raise TypeError(f"{name} must be {right}, not {value!r}") from None
            except (ValueError, OverflowError) as error:
                bits = _BITS.get(field.cpp_type)
                right = f" must be between -2**{bits} and 2**{bits}, not {value}"
                raise ValueError(f"{name}{right if bits else f': {error}'}") from None
        raise


def _to_fields(descriptor: Any, fields: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: _to_value(descriptor.fields_by_name[name], value)
        for name, value in fields.items()
        if value is not None
    }


def _to_value(field: Any, value: Any) -> Any:
    if isinstance(value, tuple):
        return [_to_value(field, one) for one in value]
    if field.enum_type is not None:
        return _enums.to_number(field.enum_type, value, field.name)
    if field.message_type is None or isinstance(value, Mapping):
        return value
    kind: Any = message_factory.GetMessageClass(field.message_type)
    if field.message_type.full_name == _DURATION:
        duration = kind()
        duration.FromNanoseconds(round(value * 1e9))
        return duration
    if not dataclasses.is_dataclass(value):
        raise TypeError(f"{field.name} must be a {field.message_type.name}, not {value!r}")
    return _built(kind, _to_fields(field.message_type, fields_of(value)))


def fields_of(value: Any) -> dict[str, Any]:
    """Return the fields of a dataclass by name. Unlike `asdict`, copies no value."""
    return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}


def read(message: Message, builders: Builders) -> dict[str, Any]:
    """Return the fields of a message by name.

    An absent scalar is None. An absent message is built from an empty one, as protobuf reads it.
    """
    return {
        field.name: _from_value(getattr(message, field.name), field, message, builders)
        for field in message.DESCRIPTOR.fields
    }


def flat(kind: type[Any]) -> Callable[[Message], Any]:
    """Return a function that builds `kind` from a message with the same fields, none a message."""
    return lambda message: kind(**read(message, {}))


def _from_value(value: Any, field: Any, parent: Message, builders: Builders) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    if field.message_type is None:
        if field.enum_type is not None:
            numbers = value if field.is_repeated else (value,)
            members = tuple(_enums.from_number(field.enum_type, number) for number in numbers)
            return members if field.is_repeated else members[0]
        if field.is_repeated:
            return tuple(value)
        absent = field.has_presence and not parent.HasField(field.name)
        return None if absent else value
    if field.message_type.full_name == _DURATION:
        return value.seconds + value.nanos / 1e9
    build = builders[field.message_type.full_name]
    return tuple(map(build, value)) if field.is_repeated else build(value)
