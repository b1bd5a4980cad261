"""The request of the page in other languages, to copy: grpcurl, Python and Go.

Each snippet uses the same server, the same security and the same options. A token stays in the
variable AUTOQUALITY_TOKEN.
"""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from google.protobuf import json_format
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from autoquality import _enums
from autoquality._enums import Format
from autoquality.v1 import encoding_pb2 as pb

_TOKEN_VARIABLE = "AUTOQUALITY_TOKEN"  # noqa: S105 (the name of a variable)
"""Where snippets read the token. The page never has the token itself."""

# The functions of Go's package proto that make the pointer of an optional field.
_GO_POINTERS = {
    FieldDescriptor.TYPE_BOOL: "Bool",
    FieldDescriptor.TYPE_DOUBLE: "Float64",
    FieldDescriptor.TYPE_INT32: "Int32",
}

_GO_PROGRAM = """\
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


@dataclass(frozen=True, slots=True)
class Connection:
    """How the command line reaches the server."""

    server: str
    tls: bool = False
    token: bool = False
    """Whether calls send a token."""
    ca: str | None = None
    cert: str | None = None
    key: str | None = None
    server_name: str | None = None


def snippets(request: pb.EncodeRequest, name: str, connection: Connection) -> dict[str, str]:
    """Return the snippets by language. `request` has no image. `name` is that of its file."""
    format = _enums.from_number(pb.Format.DESCRIPTOR, request.format)
    suffix = format.suffix if format is not Format.UNKNOWN else PurePath(name).suffix
    output = f"{PurePath(name).stem}.out{suffix}"
    return {
        "grpcurl": _grpcurl(request, name, output, connection),
        "Python": _python(request, name, output, connection),
        "Go": _go(request, name, output, connection),
    }


def _grpcurl(request: pb.EncodeRequest, name: str, output: str, connection: Connection) -> str:
    fields = json_format.MessageToDict(request, preserving_proto_field_name=True)
    text = (
        json.dumps({"image": "\0", **fields}, indent=2).replace("%", "%%").replace("\\u0000", "%s")
    )
    options = {
        "-cacert": connection.ca,
        "-cert": connection.cert,
        "-key": connection.key,
        "-servername": connection.server_name,
    }
    given = " ".join(f"{flag} {shlex.quote(value)}" for flag, value in options.items() if value)
    security = given or ("" if connection.tls else "-plaintext")
    token = f'-H "authorization: Bearer ${_TOKEN_VARIABLE}"' if connection.token else ""
    command = " ".join(part for part in ("grpcurl", security, token) if part)
    return (
        f"printf {shlex.quote(text)} \\\n"
        f'  "$(base64 -w0 -- {shlex.quote(name)})" |\n'
        f"  {command} -max-msg-sz 268435456 -d @ \\\n"
        f"    {shlex.quote(connection.server)} autoquality.v1.EncodingService/Encode |\n"
        f"  jq -r .image | base64 -d > {shlex.quote(output)}\n"
    )


def _python(request: pb.EncodeRequest, name: str, output: str, connection: Connection) -> str:
    arguments = [_quoted(connection.server)]
    if connection.tls:
        arguments.append("tls=True")
    arguments += [
        f"{option}={_quoted(value)}"
        for option in ("ca", "cert", "key", "server_name")
        if (value := getattr(connection, option))
    ]
    if connection.token:
        arguments.append(f'token=os.environ["{_TOKEN_VARIABLE}"]')
    options = "".join(f"        {key}={value},\n" for key, value in _python_options(request))
    imports = ("import os\n\n" if connection.token else "") + "from autoquality import Client"
    if request.HasField("jpeg"):
        imports += ", JpegOptions"
    return (
        f"{imports}\n\n"
        f"with Client({', '.join(arguments)}) as client:\n"
        f"    encoded = client.encode(\n"
        f"        {_quoted(name)},\n"
        f"{options}"
        f"    )\n"
        f"    print(encoded.quality, encoded.size_bytes, encoded.ssimulacra2, encoded.outcome)\n"
        f"    encoded.save({_quoted(output)})\n"
    )


def _python_options(message: Message) -> list[tuple[str, str]]:
    """Return the arguments of `Client.encode` as code."""
    options = list[tuple[str, str]]()
    for field, value in message.ListFields():
        if field.name == "auto_quality":
            options += _python_options(value)
        elif field.message_type is not None:
            inner = ", ".join(f"{key}={code}" for key, code in _python_options(value))
            options.append((field.name, f"{field.message_type.name}({inner})"))
        elif field.enum_type is not None:
            many = value if field.is_repeated else [value]
            names = [_quoted(_enums.from_number(field.enum_type, number)) for number in many]
            options.append((field.name, f"[{', '.join(names)}]" if field.is_repeated else names[0]))
        else:
            options.append((field.name, repr(value)))
    return options


def _go(request: pb.EncodeRequest, name: str, output: str, connection: Connection) -> str:
    """Return a Go program that sends `request` with the image `name`, and writes `output`."""
    package, security = _go_security(connection)
    token = f'"authorization", "Bearer "+os.Getenv("{_TOKEN_VARIABLE}")' if connection.token else ""
    fields = [("Source", "&pb.EncodeRequest_Image{Image: image}"), *_go_fields(request)]
    width = max(len(key) for key, _ in fields) + 1
    imports = {package, "google.golang.org/grpc", "example.com/autoquality/pb"}
    if any("proto." in value for _, value in fields):
        imports.add("google.golang.org/protobuf/proto")
    if token:
        imports.add("google.golang.org/grpc/metadata")
    standard = {"context", "log", "os"} | ({"crypto/tls"} if "tls.Config{" in security else set())
    return _GO_PROGRAM.format(
        imports="\n\n".join(
            "\n".join(f'\t"{path}"' for path in sorted(paths)) for paths in (standard, imports)
        ),
        name=_quoted(name),
        security=security,
        server=_quoted(connection.server),
        fields="\n".join(f"\t\t{f'{key}:':{width}} {value}," for key, value in fields),
        token=f"\tctx = metadata.AppendToOutgoingContext(ctx, {token})\n" if token else "",
        output=_quoted(output),
    )


def _go_security(connection: Connection) -> tuple[str, str]:
    """Return the package of the credentials, and the lines that make `security`."""
    name = _quoted(connection.server_name or "")
    note = "\t// Add the client certificate to tls.Config.Certificates.\n" * bool(connection.cert)
    if connection.ca:
        call = f"credentials.NewClientTLSFromFile({_quoted(connection.ca)}, {name})"
        lines = f"{note}\tsecurity, err := {call}\n\tcheck(err)"
    elif connection.tls or connection.cert:
        lines = f"{note}\tsecurity := credentials.NewTLS(&tls.Config{{ServerName: {name}}})"
    else:
        return (
            "google.golang.org/grpc/credentials/insecure",
            "\tsecurity := insecure.NewCredentials()",
        )
    return "google.golang.org/grpc/credentials", lines


def _go_fields(message: Message) -> list[tuple[str, str]]:
    """Return the fields that are set, as keys and values of a composite literal."""
    return [
        ("".join(part.title() for part in field.name.split("_")), _go_value(field, value))
        for field, value in message.ListFields()
    ]


def _go_value(field: Any, value: Any) -> str:
    if field.is_repeated:
        kind = f"pb.{field.enum_type.name}"  # the request repeats nothing but enums
        return f"[]{kind}{{{', '.join(_go_enum(field, number) for number in value)}}}"
    if field.enum_type is not None:
        return _go_enum(field, value)
    if field.message_type is not None:
        inner = ", ".join(f"{key}: {code}" for key, code in _go_fields(value))
        return f"&pb.{field.message_type.name}{{{inner}}}"
    text = json.dumps(value, ensure_ascii=False)
    return f"proto.{_GO_POINTERS[field.type]}({text})" if field.has_presence else text


def _go_enum(field: Any, number: int) -> str:
    name = field.enum_type.values_by_number[number].name
    return f"pb.{field.enum_type.name}_{name}"


def _quoted(text: str) -> str:
    """Return a literal of Go and of Python. Go has no surrogates, so no character is escaped."""
    return json.dumps(text, ensure_ascii=False)
