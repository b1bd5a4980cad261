"""JSON over HTTP and gRPC-Web through Envoy, with a real server behind TLS and a token.

`make sidecar-test` installs Envoy and builds examples/web first.
"""

from __future__ import annotations

import base64
import re
import secrets
import shutil
import ssl
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest
import pyvips
import trustme

from autoquality.v1 import encoding_pb2 as pb
from autoquality.v1.encoding_pb2_grpc import EncodingServiceStub
from tests.authorities import TlsFiles
from tests.commands import ROOT, run
from tests.photos import photo_path
from tests.servers import NO_NETWORKS, RunningServer, running_server
from tests.sidecar.proxy import SERVICE, from_page, running_proxy
from tests.waiting import LIMIT, until

PHOTO = photo_path("coffee.png")
BY_SCORE = {"method": "METHOD_SSIMULACRA2", "target": 70}


@dataclass(frozen=True)
class Proxy:
    """An Envoy, the server behind it, and tokens for that."""

    url: str
    token: str
    greedy_token: str
    server: RunningServer

    @property
    def headers(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.token}"}

    def post(self, method: str, message: object, **headers: str) -> httpx.Response:
        """Call a method with a message in JSON."""
        return httpx.post(
            f"{self.url}{SERVICE}/{method}",
            json=message,
            headers=self.headers | headers,
            timeout=2 * LIMIT,
        )


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory, authority: trustme.CA) -> TlsFiles:
    return TlsFiles.of(tmp_path_factory.mktemp("certificates"), authority)


@pytest.fixture(scope="module")
def upstream(certificates: TlsFiles) -> dict[str, Any]:
    """What the page adds to the cluster for TLS to the server."""
    place = {
        "/etc/autoquality/ca.pem": str(certificates.client_ca),
        "san_type: DNS": "san_type: IP_ADDRESS",
        "exact: images.example": "exact: 127.0.0.1",
    }
    return from_page("cluster", place)


@pytest.fixture(scope="module")
def proxy(
    tmp_path_factory: pytest.TempPathFactory, certificates: TlsFiles, upstream: dict[str, Any]
) -> Iterator[Proxy]:
    folder = tmp_path_factory.mktemp("sidecar")
    token, greedy = secrets.token_urlsafe(24), secrets.token_urlsafe(24)
    (folder / "token").write_text(f"web: {token}\ngreedy: {greedy}\n")
    settings = certificates.settings | {
        "token_file": str(folder / "token"),
        "client_megapixels_per_second": "1",  # and five at once
    }
    environment = {f"AUTOQUALITY_{name.upper()}": text for name, text in settings.items()}
    with (
        running_server(folder, NO_NETWORKS | environment) as server,
        running_proxy(folder, server.port, upstream) as url,
    ):
        until(lambda: httpx.get(f"{url}/healthz").status_code == 200, reason="a healthy server")
        yield Proxy(url, token, greedy, server)


def in_base64(image: bytes) -> str:
    return base64.b64encode(image).decode()


def test_a_photograph_is_encoded_by_json(proxy: Proxy) -> None:
    message = {
        "image": in_base64(PHOTO.read_bytes()),
        "format": "FORMAT_WEBP",
        "auto_quality": BY_SCORE,
    }
    answer = proxy.post("Encode", message, **{"x-request-id": "from-the-caller"})
    assert answer.status_code == 200, answer.text
    result = answer.json()
    image = base64.b64decode(result["image"])
    assert pyvips.Image.new_from_buffer(image, "").get("vips-loader").startswith("webpload")
    assert (result["outcome"], result["format"]) == ("OUTCOME_TARGET_MET", "FORMAT_WEBP")
    assert int(result["size_bytes"]) == len(image)
    assert result["ssimulacra2"] >= 70
    assert answer.headers["x-request-id"] == "from-the-caller"
    assert "from-the-caller" in proxy.server.log.read_text()


def test_a_stream_shows_its_progress_in_lines_of_json(proxy: Proxy) -> None:
    source = PHOTO.read_bytes()
    start = {"request": {"format": "FORMAT_JPEG"}, "source_bytes": len(source)}
    halves = [source[: len(source) // 2], source[len(source) // 2 :]]
    answer = proxy.post(
        "EncodeStream", [{"start": start}, *({"chunk": in_base64(half)} for half in halves)]
    )
    parts = [httpx.Response(200, text=line).json() for line in answer.text.splitlines()]
    stages = [part["progress"]["stage"] for part in parts if "progress" in part]
    assert stages[0] == "STAGE_ACCEPTED"
    assert "STAGE_PROBED" in stages
    (result,) = (part["result"] for part in parts if "result" in part)
    image = b"".join(base64.b64decode(part["chunk"]) for part in parts if "chunk" in part)
    assert len(image) == int(result["size_bytes"])


def test_a_stream_that_fails_later_has_its_status_in_trailers(proxy: Proxy) -> None:
    """Those of HTTP/1.1, which httpx ignores."""
    message = '[{"start": {"request": {}, "source_bytes": 2}}, {"chunk": "aGk="}]'
    shown = run(
        *("curl", "--silent", "--dump-header", "-", "--data", message),
        *("--header", "content-type: application/json"),
        *("--header", f"authorization: Bearer {proxy.token}"),
        f"{proxy.url}{SERVICE}/EncodeStream",
    )
    assert shown.startswith("HTTP/1.1 200")
    assert '"result"' not in shown
    assert re.search(
        r"^grpc-status: 3\n(.*\n)*grpc-message: image: not an image", shown, re.MULTILINE
    )


def test_an_error_has_the_status_and_the_details_of_grpc(proxy: Proxy) -> None:
    wrong = {"image": "aGk=", "background": "white", "auto_quality": {"min_quality": 0}}
    answer = proxy.post("Encode", wrong)
    assert (answer.status_code, answer.json()["code"]) == (400, 3)
    details = {one["@type"].rpartition(".")[2]: one for one in answer.json()["details"]}
    assert details["ErrorInfo"]["reason"] == "INVALID_FIELD"
    fields = [one["field"] for one in details["BadRequest"]["field_violations"]]
    assert fields == ["auto_quality.min_quality", "background"]
    assert details["RequestInfo"]["request_id"] == answer.headers["x-request-id"]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"no json", "Unexpected token"),
        (b'{"format": "webp"}', 'invalid value "webp"'),
        (b'{"image": "***"}', "image"),
    ],
)
def test_wrong_json_is_an_error_in_json(proxy: Proxy, body: bytes, words: str) -> None:
    headers = proxy.headers | {"content-type": "application/json"}
    answer = httpx.post(f"{proxy.url}{SERVICE}/Encode", content=body, headers=headers)
    assert answer.status_code == 400
    assert words in answer.json()["message"]


def test_a_misspelt_field_is_dropped_as_the_page_says(proxy: Proxy) -> None:
    assert proxy.post("GetServerInfo", {"no_such_field": 1}).status_code == 200


def test_a_timeout_that_cannot_be_read_fails_no_other_call(proxy: Proxy) -> None:
    """All calls share a connection to the server."""
    for timeout, status in (("30", 500), ("31S", 200), ("500m", 200), ("32S", 200)):
        answer = proxy.post("GetServerInfo", {}, **{"grpc-timeout": timeout})
        assert answer.status_code == status, timeout


def test_the_server_decides_about_tokens(proxy: Proxy) -> None:
    for header in ("", "Bearer wrong"):
        answer = proxy.post("GetServerInfo", {}, authorization=header)
        assert answer.status_code == 401
        assert answer.json()["details"][0]["reason"].startswith("TOKEN_")
    assert httpx.get(f"{proxy.url}/healthz").status_code == 200


def test_a_refused_caller_gets_the_delay_before_a_retry(proxy: Proxy) -> None:
    large = pyvips.Image.black(3000, 2000).pngsave_buffer()
    message = {"image": in_base64(large), "auto_quality": {"method": "METHOD_NONE"}}
    greedy = {"authorization": f"Bearer {proxy.greedy_token}"}
    assert proxy.post("Encode", message, **greedy).status_code == 200
    refused = proxy.post("Encode", message, **greedy)
    assert refused.status_code == 429
    assert int(refused.headers["grpc-retry-pushback-ms"]) > 0
    (delay,) = (one["retry_delay"] for one in refused.json()["details"] if "retry_delay" in one)
    assert re.fullmatch(r"[\d.]+s", delay)


def test_a_deadline_of_the_caller_reaches_the_server(proxy: Proxy) -> None:
    message = {"image": in_base64(PHOTO.read_bytes()), "auto_quality": BY_SCORE}
    assert proxy.post("Encode", message, **{"grpc-timeout": "1m"}).status_code == 504


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_that_is_too_large_is_refused(proxy: Proxy, chunked: bool) -> None:
    body = b'{"image": "' + bytes(91_000_000).replace(b"\0", b"A") + b'"}'
    answer = httpx.post(
        f"{proxy.url}{SERVICE}/Encode",
        content=iter([body]) if chunked else body,
        headers={"content-type": "application/json"},
        timeout=4 * LIMIT,
    )
    assert answer.status_code == 413
    assert answer.json()["reason"] == "request_payload_too_large"


def test_the_largest_image_of_the_server_passes(proxy: Proxy) -> None:
    """It is no image, which the server finds by its first bytes."""
    answer = proxy.post("Encode", {"image": in_base64(bytes(64 * 2**20))})
    assert answer.json()["details"][0]["reason"] == "IMAGE_UNSUPPORTED"


@pytest.mark.parametrize(
    "path",
    [
        "/grpc.health.v1.Health/Check",
        "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
        "/grpc.channelz.v1.Channelz/GetServers",
        "/",
    ],
)
def test_nothing_else_is_reachable(proxy: Proxy, path: str) -> None:
    for kind in ("application/json", "application/grpc-web+proto", "application/grpc"):
        headers = proxy.headers | {"content-type": kind}
        answer = httpx.post(f"{proxy.url}{path}", content=b"\0\0\0\0\0", headers=headers)
        refused = answer.status_code == 404 or answer.headers.get("grpc-status") == "12"
        assert refused, (kind, answer)


def test_an_unknown_method_is_an_error_in_json(proxy: Proxy) -> None:
    answer = proxy.post("Decode", {})
    assert answer.status_code == 404
    assert "EncodingService/Decode" in answer.json()["message"]


def test_grpc_web_has_frames_for_the_answer_and_its_status(proxy: Proxy) -> None:
    request = pb.GetServerInfoRequest().SerializeToString()
    answer = httpx.post(
        f"{proxy.url}{SERVICE}/GetServerInfo",
        content=struct.pack(">BI", 0, len(request)) + request,
        headers=proxy.headers | {"content-type": "application/grpc-web+proto"},
    )
    body = answer.content
    kind, size = struct.unpack_from(">BI", body)
    assert kind == 0
    assert pb.GetServerInfoResponse.FromString(body[5 : 5 + size]).limits.max_image_bytes
    assert body[5 + size] == 0x80
    assert b"grpc-status:0" in body


def test_the_web_client_encodes_and_reads_errors(proxy: Proxy) -> None:
    program = ROOT / "examples/web/main.js"
    shown = run("node", program, proxy.url, PHOTO, env={"TOKEN": proxy.token})
    assert re.match(r"FORMAT_WEBP: quality \d+, \d+ bytes, OUTCOME_TARGET_MET\n", shown)
    assert "reason: INVALID_FIELD\n  field background: " in shown
    assert "reason: TOKEN_INVALID" in run("node", program, proxy.url, PHOTO, env={"TOKEN": "no"})


def test_grpc_passes(proxy: Proxy) -> None:
    options = [("grpc.enable_http_proxy", 0)]
    with grpc.insecure_channel(proxy.url.removeprefix("http://"), options) as channel:
        stub = EncodingServiceStub(channel)
        with pytest.raises(grpc.RpcError) as failed:
            stub.GetServerInfo(pb.GetServerInfoRequest())
        assert failed.value.code() is grpc.StatusCode.UNAUTHENTICATED
        metadata = tuple(proxy.headers.items())
        assert stub.GetServerInfo(pb.GetServerInfoRequest(), metadata=metadata).version


@pytest.mark.parametrize(
    ("origin", "allowed"), [("https://app.example", True), ("https://x", False)]
)
def test_browsers_may_call_from_the_listed_origins(
    proxy: Proxy, origin: str, allowed: bool
) -> None:
    headers = {"origin": origin, "access-control-request-method": "POST"}
    answer = httpx.options(f"{proxy.url}{SERVICE}/Encode", headers=headers)
    assert (answer.headers.get("access-control-allow-origin") == origin) is allowed


def test_the_commands_of_the_page_work(proxy: Proxy, tmp_path: Path) -> None:
    page = (ROOT / "docs/clients.md").read_text()
    commands = re.findall(r"<!-- run: json -->\n```sh\n(.*?)```", page, re.DOTALL)
    assert len(commands) == 3
    shutil.copy(PHOTO, tmp_path / "photo.png")
    script = "\n".join(["set -euo pipefail", *commands])
    assert "http://localhost:8080" in script
    script = script.replace("http://localhost:8080", proxy.url)
    shown = run("bash", "-c", script, env={"TOKEN": proxy.token}, cwd=tmp_path)
    assert pyvips.Image.new_from_file(str(tmp_path / "photo.webp")).width == 600
    assert '"outcome": "OUTCOME_TARGET_MET"' in shown
    assert "background: must be a colour" in shown
    assert shown.splitlines()[-2:] == ["result", "chunk"]


def test_callers_may_have_tls(
    proxy: Proxy,
    tmp_path: Path,
    certificates: TlsFiles,
    upstream: dict[str, Any],
    authority: trustme.CA,
) -> None:
    place = {
        "/etc/autoquality/tls.crt": str(certificates.cert),
        "/etc/autoquality/tls.key": str(certificates.key),
    }
    trust = ssl.create_default_context()
    authority.configure_trust(trust)
    added = from_page("filter chain", place)
    with running_proxy(tmp_path, proxy.server.port, upstream, added, trust) as url:
        until(
            lambda: httpx.get(f"{url}/healthz", verify=trust).status_code == 200,
            reason="a healthy server",
        )


def test_without_a_server_calls_and_health_are_503(tmp_path: Path, proxy: Proxy) -> None:
    """The proxy speaks plain text here, and the server TLS."""
    with running_proxy(tmp_path, proxy.server.port) as url:
        assert httpx.get(f"{url}/healthz").status_code == 503
        answer = httpx.post(f"{url}{SERVICE}/GetServerInfo", json={})
        assert (answer.status_code, "message" in answer.json()) == (503, True)
        until(lambda: "GetServerInfo" in (tmp_path / "envoy.log").read_text(), reason="the log")


def test_of_two_servers_one_can_end_and_no_call_is_lost(tmp_path: Path) -> None:
    """Envoy's health checks notice the end after some seconds only."""
    folders = [tmp_path / name for name in ("a", "b", "proxy")]
    for folder in folders:
        folder.mkdir()
    with (
        running_server(folders[0], NO_NETWORKS) as one,
        running_server(folders[1], NO_NETWORKS) as other,
        running_proxy(folders[2], one.port, others=[other.port]) as url,
    ):

        def calls(server: RunningServer) -> int:
            return sum(line["event"] == "request" for line in server.log_lines())

        def call() -> int:
            answer = httpx.post(f"{url}{SERVICE}/GetServerInfo", json={}, timeout=LIMIT)
            return answer.status_code

        until(lambda: call() == 200 and calls(one) > 0 and calls(other) > 0, reason="both serving")
        one.process.terminate()
        assert one.process.wait(LIMIT) == 0
        assert {call() for _ in range(50)} == {200}
