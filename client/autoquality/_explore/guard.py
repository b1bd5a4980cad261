"""Protection from other web sites: only the page itself may use this program.

Any site can make its visitors' browsers send requests to this machine. A site whose name resolves
to a loopback address (DNS rebinding) could also read the answers.
"""

from __future__ import annotations

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

# The last one: scripts cannot turn text into markup, not even by mistake.
_CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'"
)

_HEADERS = {
    "content-security-policy": _CONTENT_SECURITY_POLICY,
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
}


class Guard:
    """Refuses requests for other hosts and from other origins, and adds the headers."""

    def __init__(self, app: ASGIApp, hosts: frozenset[str]) -> None:
        """`hosts` are the valid values of the header Host."""
        self._app = app
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection (ASGI)."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_HEADERS)
            await send(message)

        refusal = self._refusal(Headers(scope=scope), scope["method"])
        app = self._app if refusal is None else PlainTextResponse(refusal, 403)
        await app(scope, receive, send_with_headers)

    def _refusal(self, headers: Headers, method: str) -> str | None:
        host = headers.get("host", "").lower()
        if host not in self._hosts:
            return f"This page answers only at {' or '.join(sorted(self._hosts))}.\n"
        # Browsers send Origin with every POST, and with GET only to other origins.
        origin = headers.get("origin")
        expected = f"http://{host}"
        if origin != expected and (origin is not None or method not in ("GET", "HEAD")):
            return f"Requests must come from the page itself, with the origin {expected}.\n"
        return None
