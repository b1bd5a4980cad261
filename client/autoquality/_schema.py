"""The few messages of google.rpc and grpc.health.v1 that the client speaks.

Their usual packages (googleapis-common-protos, grpcio-health-checking) are not
needed for them: the descriptors are built here, from the published field
numbers, in a pool of their own, so that a program may import those packages as
well, before or after this one.
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
    """A field; `kind` is a scalar's name or a message's full name after a dot."""
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

# The status is an enum; on the wire that is an int32, and 1 is SERVING.
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


def _class(name: str) -> type[Message]:
    return message_factory.GetMessageClass(_POOL.FindMessageTypeByName(name))


Status = _class("google.rpc.Status")
ErrorInfo = _class("google.rpc.ErrorInfo")
RetryInfo = _class("google.rpc.RetryInfo")
BadRequest = _class("google.rpc.BadRequest")
QuotaFailure = _class("google.rpc.QuotaFailure")
RequestInfo = _class("google.rpc.RequestInfo")
HealthCheckRequest = _class("grpc.health.v1.HealthCheckRequest")
HealthCheckResponse = _class("grpc.health.v1.HealthCheckResponse")
