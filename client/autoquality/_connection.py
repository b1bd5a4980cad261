"""Why a server cannot be reached.

gRPC reports the last address that it tried, and a server that expects TLS only as "Socket
closed". So a failed connection is repeated here, without gRPC. No request is sent on it.
"""

from __future__ import annotations

import os
import re
import socket
import ssl
from contextlib import suppress
from dataclasses import dataclass

from autoquality._address import host_and_port, is_local
from autoquality._errors import AutoQualityError, UnavailableError
from autoquality._status import ErrorInfo

_PROBE_SECONDS = 2.0
_MAX_ADDRESSES = 4

# gRPC's text for a call that found no connection. A server's own text has neither.
_NO_CONNECTION = re.compile(r"last error: |errors resolving ")

_TLS_REQUIRED = "TLS_REQUIRED"
_CLIENT_CERTIFICATE = "CLIENT_CERTIFICATE_REQUIRED"
_REFUSED = "CONNECTION_REFUSED"
_NOT_FOUND = "NAME_NOT_FOUND"
LOST = "CONNECTION_LOST"
"""The reason of a call that was sent, and whose connection broke."""


_PATTERNS = (
    ("CERTIFICATE_EXPIRED", r"certificate has expired"),
    ("CERTIFICATE_NOT_YET_VALID", r"certificate is not yet valid"),
    ("CERTIFICATE_NAME_MISMATCH", r"Hostname Verification|Hostname mismatch|IP address mismatch"),
    ("CERTIFICATE_UNTRUSTED", r"CERTIFICATE_VERIFY_FAILED"),
    ("TLS_UNSUPPORTED", r"WRONG_VERSION_NUMBER|RECORD_LAYER_FAILURE"),
    ("NOT_GRPC", r"Failed parsing HTTP/2"),
)
"""Reasons of errors that no retry avoids, with the texts of gRPC and of Python's ssl."""

_TRANSIENT = ((_NOT_FOUND, r"errors resolving "), (_REFUSED, r"Connection refused"))
"""Reasons of errors that a retry may avoid: a server may be about to start."""

# A proxy without a server behind it closes the connection, too. Servers may return.
_AVOIDABLE = frozenset({_CLIENT_CERTIFICATE, _REFUSED, _NOT_FOUND, LOST})

# gRPC's texts for a server that ended during a call.
_BROKEN = re.compile(r"(Stream removed|Socket closed|recvmsg:|sendmsg:).{0,60}")

_MESSAGES = {
    _TLS_REQUIRED: "the server uses TLS: use tls=True (--tls), or ca (--ca) with its authority",
    "TLS_UNSUPPORTED": "the server does not use TLS: leave out tls, ca, cert and key (--tls, "
    "--ca, --cert, --key)",
    "CERTIFICATE_EXPIRED": "the server's certificate has expired: its operator must renew it",
    "CERTIFICATE_NOT_YET_VALID": "the server's certificate is not yet valid: check the clocks of "
    "both machines",
    "CERTIFICATE_NAME_MISMATCH": "the server's certificate is for another name: connect by a "
    "name in it, or give that name with server_name (--server-name)",
    "CERTIFICATE_UNTRUSTED": "no trusted authority signed the server's certificate: give its "
    "authority with ca (--ca)",
    _CLIENT_CERTIFICATE: "the server closes the connection after the TLS handshake, probably "
    "because it requires a client certificate: use cert and key (--cert, --key)",
    "NOT_GRPC": "the server does not speak gRPC: check the port",
    _REFUSED: "no server listens there (connection refused)",
    _NOT_FOUND: "the host name cannot be resolved",
    LOST: "the connection broke during the call: the server ended or crashed",
}
_CERTIFICATE_REFUSED = (
    "the server closes the connection after the TLS handshake, probably because it does not "
    "trust the client certificate: check cert and key (--cert, --key)"
)


@dataclass(frozen=True, slots=True)
class Peer:
    """The server of a channel, as the caller described it."""

    target: str
    secured: bool
    """Whether the channel uses TLS."""
    ca: bytes | None = None
    """The authorities as PEM, or None for the default ones."""
    verifiable: bool = True
    """Whether `ca` is known. The authorities of gRPC's own credentials are not."""
    has_certificate: bool = False
    """Whether the client has a certificate."""
    server_name: str | None = None

    def explain(
        self, error: AutoQualityError, seconds: float | None = None
    ) -> tuple[AutoQualityError, bool]:
        """Return `error` with the cause of a failed connection, and whether it is permanent.

        An error with another cause is returned unchanged, and is not permanent. The search for
        the cause takes `seconds` at most, and some seconds without a limit.
        """
        if not isinstance(error, UnavailableError):
            return error, False
        if _NO_CONNECTION.search(error.message):
            reason = _find(_PATTERNS, error.message) or self._diagnose(seconds)
            reason = reason or _find(_TRANSIENT, error.message)
        else:
            reason = LOST if _BROKEN.fullmatch(error.message) else None
        if reason is None:
            return error, False
        return self._error(error, reason), reason not in _AVOIDABLE

    def diagnose(self, error: AutoQualityError) -> AutoQualityError:
        """Return `error`, of an expired wait, with the cause of a connection that fails now."""
        reason = self._diagnose(None)
        return error if reason is None else self._error(error, reason)

    def _error(self, error: AutoQualityError, reason: str) -> AutoQualityError:
        message = _MESSAGES[reason]
        if reason == _CLIENT_CERTIFICATE and self.has_certificate:
            message = _CERTIFICATE_REFUSED
        if reason in (_REFUSED, _NOT_FOUND) and (proxy := _proxy()) and not is_local(self.target):
            message += f"; gRPC uses the proxy of {proxy}, unless no_proxy names the host"
        explained = type(error)(
            f"{self.target}: {message}",
            code=error.code,
            request_id=error.request_id,
            details=(*error.details, ErrorInfo(reason, domain="autoquality.client")),
        )
        explained.__cause__ = error.__cause__
        return explained

    def _diagnose(self, seconds: float | None) -> str | None:
        """Connect without gRPC. Returns the reason of a failure, or None."""
        place = host_and_port(self.target)
        if place is None:
            return None
        try:
            found = socket.getaddrinfo(*place, type=socket.SOCK_STREAM)
        except OSError:
            return _NOT_FOUND
        reason, limit = None, min(_PROBE_SECONDS, seconds or _PROBE_SECONDS)
        for *_, (host, port, *_) in found[:_MAX_ADDRESSES]:
            try:
                with socket.create_connection((str(host), port), limit) as plain:
                    return self._handshake(plain, self.server_name or place[0])
            except OSError as error:
                reason = self._cause(error, str(host), int(port), limit)
                if reason not in (None, _REFUSED):
                    break  # otherwise, the next address may answer
        return reason

    def _cause(self, error: OSError, host: str, port: int, seconds: float) -> str | None:
        if isinstance(error, ConnectionRefusedError):
            return _REFUSED
        if self.secured:
            return _find(_PATTERNS, str(error))
        return "NOT_GRPC" if _speaks_otherwise(host, port, seconds) else None

    def _handshake(self, plain: socket.socket, name: str) -> str | None:
        context = ssl.create_default_context(cadata=self.ca.decode() if self.ca else None)
        context.set_alpn_protocols(["h2"])
        if not (self.secured and self.verifiable):
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        with context.wrap_socket(plain, server_hostname=name) as secure:
            if not self.secured:
                return _TLS_REQUIRED
            # A gRPC server speaks first. One that requires a client certificate just closes.
            return None if secure.recv(1) else _CLIENT_CERTIFICATE


def _speaks_otherwise(host: str, port: int, seconds: float) -> bool:
    """Whether the answer to HTTP/2 is neither a frame, whose length begins with 0, nor of TLS."""
    with suppress(OSError), socket.create_connection((host, port), seconds) as plain:
        plain.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
        return plain.recv(1) not in (b"", b"\0", b"\x15")
    return False


def _proxy() -> str | None:
    """The variable that names gRPC's proxy, if any."""
    return next(filter(os.environ.get, ("grpc_proxy", "https_proxy", "http_proxy")), None)


def _find(patterns: tuple[tuple[str, str], ...], text: str) -> str | None:
    return next((reason for reason, pattern in patterns if re.search(pattern, text)), None)
