"""Streams with the real grpcurl: one JSON object per message."""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.photos import crop
from tests.rpc.conftest import ENCODING, ROOT
from tests.stream.serving import Serving

PHOTO = crop("coffee.png", 128, 96)


def stream(server: Serving, *messages: dict[str, Any]) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).with_name("grpcurl")
    address = f"127.0.0.1:{server.app.port}"
    return subprocess.run(
        [program, "-plaintext", "-format-error", "-d", "@", address, f"{ENCODING}/EncodeStream"],
        input="\n".join(map(json.dumps, messages)),
        capture_output=True,
        text=True,
        timeout=60,
    )


def objects(text: str) -> list[dict[str, Any]]:
    """Return the JSON objects in `text`, in their order."""
    decoder, found, at = json.JSONDecoder(), [], 0
    while text[at:].strip():
        at += len(text[at:]) - len(text[at:].lstrip())
        one, at = decoder.raw_decode(text, at)
        found.append(one)
    return found


def test_the_answer_has_progress_a_result_and_chunks(
    usual: Serving,
) -> None:
    half = len(PHOTO) // 2
    done = stream(
        usual,
        {"start": {"request": {"format": "FORMAT_WEBP", "quality": 60}}},
        *({"chunk": base64.b64encode(part).decode()} for part in (PHOTO[:half], PHOTO[half:])),
    )
    assert done.returncode == 0, done.stderr
    messages = objects(done.stdout)
    stages = [one["progress"]["stage"] for one in messages if "progress" in one]
    assert stages[0] == "STAGE_ACCEPTED" and stages[-1] == "STAGE_PROBED"
    (result,) = [one["result"] for one in messages if "result" in one]
    image = b"".join(base64.b64decode(one["chunk"]) for one in messages if "chunk" in one)
    assert len(image) == int(result["size_bytes"])
    assert image.startswith(b"RIFF")


def test_an_error_names_the_invalid_field(usual: Serving) -> None:
    done = stream(usual, {"chunk": base64.b64encode(PHOTO).decode()})
    assert done.returncode != 0
    details = {one["@type"].rsplit(".", 1)[-1]: one for one in json.loads(done.stderr)["details"]}
    assert details["BadRequest"]["field_violations"][0]["field"] == "start"


def test_the_example_in_docs_streaming_md_works(usual: Serving) -> None:
    page = (ROOT / "docs/streaming.md").read_text()
    (script,) = re.findall(r"<!-- grpcurl:begin -->\n```sh\n(.*?)```", page, re.DOTALL)
    programs = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    script = script.replace("localhost:50051", f"127.0.0.1:{usual.app.port}")
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=ROOT,
        env={**os.environ, "PATH": programs},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert any("result" in one for one in objects(done.stdout))
