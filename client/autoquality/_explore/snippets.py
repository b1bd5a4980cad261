"""The request of the page in other languages, to copy: grpcurl, Python and Go.

Each snippet uses the same server, the same security and the same options. A token stays in the
variable AUTOQUALITY_TOKEN.
"""

from __future__ import annotations

import json
import shlex
from pathlib import PurePath

from google.protobuf import json_format
from google.protobuf.message import Message

from autoquality import _enums
from autoquality._enums import Format
from autoquality._explore.connection import TOKEN_VARIABLE, Connection
from autoquality._explore.go import go_program, quoted
from autoquality.v1 import encoding_pb2 as pb


def snippets(request: pb.EncodeRequest, name: str, connection: Connection) -> dict[str, str]:
    """Return the snippets by language. `request` has no image. `name` is that of its file."""
    format = _enums.from_number(pb.Format.DESCRIPTOR, request.format)
    suffix = format.suffix if format is not Format.UNKNOWN else PurePath(name).suffix
    output = f"{PurePath(name).stem}.out{suffix}"
    return {
        "grpcurl": _grpcurl(request, name, output, connection),
        "Python": _python(request, name, output, connection),
        "Go": go_program(request, name, output, connection),
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
    token = f'-H "authorization: Bearer ${TOKEN_VARIABLE}"' if connection.token else ""
    command = " ".join(part for part in ("grpcurl", security, token) if part)
    return (
        f"printf {shlex.quote(text)} \\\n"
        f'  "$(base64 -w0 -- {shlex.quote(name)})" |\n'
        f"  {command} -max-msg-sz 268435456 -d @ \\\n"
        f"    {shlex.quote(connection.server)} autoquality.v1.EncodingService/Encode |\n"
        f"  jq -r .image | base64 -d > {shlex.quote(output)}\n"
    )


def _python(request: pb.EncodeRequest, name: str, output: str, connection: Connection) -> str:
    arguments = [quoted(connection.server)]
    if connection.tls:
        arguments.append("tls=True")
    arguments += [
        f"{option}={quoted(value)}"
        for option in ("ca", "cert", "key", "server_name")
        if (value := getattr(connection, option))
    ]
    if connection.token:
        arguments.append(f'token=os.environ["{TOKEN_VARIABLE}"]')
    options = "".join(f"        {key}={value},\n" for key, value in _python_options(request))
    imports = ("import os\n\n" if connection.token else "") + "from autoquality import Client"
    if request.HasField("jpeg"):
        imports += ", JpegOptions"
    return (
        f"{imports}\n\n"
        f"with Client({', '.join(arguments)}) as client:\n"
        f"    encoded = client.encode(\n"
        f"        {quoted(name)},\n"
        f"{options}"
        f"    )\n"
        f"    print(encoded.quality, encoded.size_bytes, encoded.ssimulacra2, encoded.outcome)\n"
        f"    encoded.save({quoted(output)})\n"
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
            names = [quoted(_enums.from_number(field.enum_type, number)) for number in many]
            options.append((field.name, f"[{', '.join(names)}]" if field.is_repeated else names[0]))
        else:
            options.append((field.name, repr(value)))
    return options
