"""The messages of google.rpc, and the messages and the call of grpc.health.v1.

The base install does without googleapis-common-protos and grpcio-health-checking. The
descriptors are built here, from the published field numbers. They have their own pool, so a
program may import those packages too, before or after this one.
"""

from __future__ import annotations

from typing import Any

from google.protobuf import any_pb2, descriptor_pb2, descriptor_pool, duration_pb2, message_factory

_Field = descriptor_pb2.FieldDescriptorProto
_Message = descriptor_pb2.DescriptorProto
_SCALARS = {"string": _Field.TYPE_STRING, "int32": _Field.TYPE_INT32}


def _message(name: str, /, *nested: _Message, **fields: str) -> _Message:
    """Describe a message. The numbers of its fields are 1, 2 and so on.

    The kind of a field is a scalar's name, or a dot and a message's full name. "repeated" may
    precede it.
    """
    message = _Message(name=name, nested_type=nested)
    for number, (field, kinds) in enumerate(fields.items(), 1):
        *repeated, kind = kinds.split()
        message.field.add(
            name=field,
            number=number,
            label=_Field.LABEL_REPEATED if repeated else _Field.LABEL_OPTIONAL,
            type=_SCALARS.get(kind, _Field.TYPE_MESSAGE),
            type_name=None if kind in _SCALARS else kind,
        )
    return message


_METADATA_ENTRY = _message("MetadataEntry", key="string", value="string")
_METADATA_ENTRY.options.map_entry = True
_FIELD_VIOLATION = _message("FieldViolation", field="string", description="string", reason="string")
_VIOLATION = _message("Violation", subject="string", description="string")

_RPC = descriptor_pb2.FileDescriptorProto(
    name="google/rpc/status_and_details.proto",
    package="google.rpc",
    syntax="proto3",
    dependency=["google/protobuf/any.proto", "google/protobuf/duration.proto"],
    message_type=[
        _message("Status", code="int32", message="string", details="repeated .google.protobuf.Any"),
        _message(
            "ErrorInfo",
            _METADATA_ENTRY,
            reason="string",
            domain="string",
            metadata="repeated .google.rpc.ErrorInfo.MetadataEntry",
        ),
        _message("RetryInfo", retry_delay=".google.protobuf.Duration"),
        _message(
            "BadRequest",
            _FIELD_VIOLATION,
            field_violations="repeated .google.rpc.BadRequest.FieldViolation",
        ),
        _message(
            "QuotaFailure", _VIOLATION, violations="repeated .google.rpc.QuotaFailure.Violation"
        ),
        _message("RequestInfo", request_id="string", serving_data="string"),
    ],
)

# The status is an enum there. An int32 has the same encoding, and 1 is SERVING.
_HEALTH = descriptor_pb2.FileDescriptorProto(
    name="grpc/health/v1/health.proto",
    package="grpc.health.v1",
    syntax="proto3",
    message_type=[
        _message("HealthCheckRequest", service="string"),
        _message("HealthCheckResponse", status="int32"),
    ],
)

_POOL = descriptor_pool.DescriptorPool()
for _known in (any_pb2, duration_pb2):
    _POOL.AddSerializedFile(_known.DESCRIPTOR.serialized_pb)
for _file in (_RPC, _HEALTH):
    _POOL.AddSerializedFile(_file.SerializeToString())


def message_class(name: str) -> Any:
    """Return the class of a message by its full name."""
    return message_factory.GetMessageClass(_POOL.FindMessageTypeByName(name))


Status = message_class("google.rpc.Status")
HealthCheckRequest = message_class("grpc.health.v1.HealthCheckRequest")
HealthCheckResponse = message_class("grpc.health.v1.HealthCheckResponse")

SERVING, NOT_SERVING = 1, 2
HEALTH_METHOD = "/grpc.health.v1.Health/Check"


def health_check(channel: Any) -> Any:
    """Return the call Health/Check on `channel`, of gRPC or of grpc.aio."""
    return channel.unary_unary(
        HEALTH_METHOD,
        request_serializer=HealthCheckRequest.SerializeToString,
        response_deserializer=HealthCheckResponse.FromString,
    )
