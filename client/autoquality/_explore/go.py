"""A request as a Go program."""

from __future__ import annotations

import json
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from autoquality._explore.connection import TOKEN_VARIABLE, Connection
from autoquality.v1 import encoding_pb2 as pb

# The functions of Go's package proto that make the pointer of an optional field.
_POINTERS = {
    FieldDescriptor.TYPE_BOOL: "Bool",
    FieldDescriptor.TYPE_DOUBLE: "Float64",
    FieldDescriptor.TYPE_INT32: "Int32",
}

_PROGRAM = """\
// Generate the package pb from protos/autoquality/v1/encoding.proto with
// protoc-gen-go and protoc-gen-go-grpc.
package main

import (
{imports}
)

func main() {{
\timage, err := os.ReadFile({name})
\tcheck(err)
{security}
\tconnection, err := grpc.NewClient({server}, grpc.WithTransportCredentials(security))
\tcheck(err)
\tdefer connection.Close()

\trequest := &pb.EncodeRequest{{
{fields}
\t}}
\tctx := context.Background()
{token}\tresponse, err := pb.NewEncodingServiceClient(connection).Encode(
\t\tctx, request, grpc.MaxCallRecvMsgSize(256<<20))
\tcheck(err)
\tlog.Println(response.Quality, response.SizeBytes, response.Outcome)
\tcheck(os.WriteFile({output}, response.Image, 0o644))
}}

func check(err error) {{
\tif err != nil {{
\t\tlog.Fatal(err)
\t}}
}}
"""


def go_program(request: pb.EncodeRequest, name: str, output: str, connection: Connection) -> str:
    """Return a program that sends `request` with the image `name`, and writes `output`."""
    package, security = _security(connection)
    token = f'"authorization", "Bearer "+os.Getenv("{TOKEN_VARIABLE}")' if connection.token else ""
    fields = [("Source", "&pb.EncodeRequest_Image{Image: image}"), *_fields(request)]
    width = max(len(key) for key, _ in fields) + 1
    imports = {package, "google.golang.org/grpc", "example.com/autoquality/pb"}
    if any("proto." in value for _, value in fields):
        imports.add("google.golang.org/protobuf/proto")
    if token:
        imports.add("google.golang.org/grpc/metadata")
    standard = {"context", "log", "os"} | ({"crypto/tls"} if "tls.Config{" in security else set())
    return _PROGRAM.format(
        imports="\n\n".join(
            "\n".join(f'\t"{path}"' for path in sorted(paths)) for paths in (standard, imports)
        ),
        name=quoted(name),
        security=security,
        server=quoted(connection.server),
        fields="\n".join(f"\t\t{f'{key}:':{width}} {value}," for key, value in fields),
        token=f"\tctx = metadata.AppendToOutgoingContext(ctx, {token})\n" if token else "",
        output=quoted(output),
    )


def _security(connection: Connection) -> tuple[str, str]:
    """Return the package of the credentials, and the lines that make `security`."""
    name = quoted(connection.server_name or "")
    note = "\t// Add the client certificate to tls.Config.Certificates.\n" * bool(connection.cert)
    if connection.ca:
        call = f"credentials.NewClientTLSFromFile({quoted(connection.ca)}, {name})"
        lines = f"{note}\tsecurity, err := {call}\n\tcheck(err)"
    elif connection.tls or connection.cert:
        lines = f"{note}\tsecurity := credentials.NewTLS(&tls.Config{{ServerName: {name}}})"
    else:
        return (
            "google.golang.org/grpc/credentials/insecure",
            "\tsecurity := insecure.NewCredentials()",
        )
    return "google.golang.org/grpc/credentials", lines


def _fields(message: Message) -> list[tuple[str, str]]:
    """Return the fields that are set, as keys and values of a composite literal."""
    return [
        ("".join(part.title() for part in field.name.split("_")), _value(field, value))
        for field, value in message.ListFields()
    ]


def _value(field: Any, value: Any) -> str:
    if field.is_repeated:
        kind = f"pb.{field.enum_type.name}"  # the request repeats nothing but enums
        return f"[]{kind}{{{', '.join(_enum(field, number) for number in value)}}}"
    if field.enum_type is not None:
        return _enum(field, value)
    if field.message_type is not None:
        inner = ", ".join(f"{key}: {code}" for key, code in _fields(value))
        return f"&pb.{field.message_type.name}{{{inner}}}"
    text = json.dumps(value, ensure_ascii=False)
    return f"proto.{_POINTERS[field.type]}({text})" if field.has_presence else text


def _enum(field: Any, number: int) -> str:
    name = field.enum_type.values_by_number[number].name
    return f"pb.{field.enum_type.name}_{name}"


def quoted(text: str) -> str:
    """Return a literal of Go and of Python. Go has no surrogates, so no character is escaped."""
    return json.dumps(text, ensure_ascii=False)
