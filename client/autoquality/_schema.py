"""The messages of google.rpc and grpc.health.v1 that the client uses.

The base install does without googleapis-common-protos and grpcio-health-checking. The
descriptors are built here, from the published field numbers. They have their own pool, so a
program may import those packages too, before or after this one.
"""

from __future__ import annotations

from google.protobuf import any_pb2, descriptor_pb2, descriptor_pool, duration_pb2, message_factory
from google.protobuf.message import Message

_Field = descriptor_pb2.FieldDescriptorProto
_SCALARS = {
    "string": _Field.TYPE_STRING,
    "int32": _Field.TYPE_INT32,
}


def _field(number: int, name: str, kind: str, *, repeated: bool = False) -> _Field:
    """Describe a field. `kind` is a scalar's name, or a dot and a message's full name."""
    return _Field(
        name=name,
        number=number,
        label=_Field.LABEL_REPEATED if repeated else _Field.LABEL_OPTIONAL,
        type=_SCALARS.get(kind, _Field.TYPE_MESSAGE),
        type_name=kind if kind.startswith(".") else None,
    )


def _message(
    name: str, *fields: _Field, nested: tuple[descriptor_pb2.DescriptorProto, ...] = ()
) -> descriptor_pb2.DescriptorProto:
    return descriptor_pb2.DescriptorProto(name=name, field=fields, nested_type=nested)


def _string_map_entry(name: str) -> descriptor_pb2.DescriptorProto:
    entry = _message(name, _field(1, "key", "string"), _field(2, "value", "string"))
    entry.options.map_entry = True
    return entry


_RPC = descriptor_pb2.FileDescriptorProto(
    name="google/rpc/status_and_details.proto",
    package="google.rpc",
    syntax="proto3",
    dependency=["google/protobuf/any.proto", "google/protobuf/duration.proto"],
    message_type=[
        _message(
            "Status",
            _field(1, "code", "int32"),
            _field(2, "message", "string"),
            _field(3, "details", ".google.protobuf.Any", repeated=True),
        ),
        _message(
            "ErrorInfo",
            _field(1, "reason", "string"),
            _field(2, "domain", "string"),
            _field(3, "metadata", ".google.rpc.ErrorInfo.MetadataEntry", repeated=True),
            nested=(_string_map_entry("MetadataEntry"),),
        ),
        _message("RetryInfo", _field(1, "retry_delay", ".google.protobuf.Duration")),
        _message(
            "BadRequest",
            _field(1, "field_violations", ".google.rpc.BadRequest.FieldViolation", repeated=True),
            nested=(
                _message(
                    "FieldViolation",
                    _field(1, "field", "string"),
                    _field(2, "description", "string"),
                    _field(3, "reason", "string"),
                ),
            ),
        ),
        _message(
            "QuotaFailure",
            _field(1, "violations", ".google.rpc.QuotaFailure.Violation", repeated=True),
            nested=(
                _message(
                    "Violation", _field(1, "subject", "string"), _field(2, "description", "string")
                ),
            ),
        ),
        _message(
            "RequestInfo", _field(1, "request_id", "string"), _field(2, "serving_data", "string")
        ),
    ],
)

# The status is an enum there. An int32 has the same encoding, and 1 is SERVING.
_HEALTH = descriptor_pb2.FileDescriptorProto(
    name="grpc/health/v1/health.proto",
    package="grpc.health.v1",
    syntax="proto3",
    message_type=[
        _message("HealthCheckRequest", _field(1, "service", "string")),
        _message("HealthCheckResponse", _field(1, "status", "int32")),
    ],
)


def _build() -> descriptor_pool.DescriptorPool:
    pool = descriptor_pool.DescriptorPool()
    for known in (any_pb2, duration_pb2):
        pool.AddSerializedFile(known.DESCRIPTOR.serialized_pb)
    for file in (_RPC, _HEALTH):
        pool.AddSerializedFile(file.SerializeToString())
    return pool


_POOL = _build()


def message_class(name: str) -> type[Message]:
    """Return the class of a message by its full name."""
    return message_factory.GetMessageClass(_POOL.FindMessageTypeByName(name))


Status = message_class("google.rpc.Status")
HealthCheckRequest = message_class("grpc.health.v1.HealthCheckRequest")
HealthCheckResponse = message_class("grpc.health.v1.HealthCheckResponse")
