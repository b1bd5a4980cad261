"""Whether an address can be listened on, said in one line before anybody tries.

gRPC's own failure to bind is a log line of its core and an exception without
the reason; and over a Unix socket that is in use it binds without a word.
"""

from __future__ import annotations

import os
import socket
from pathlib import Path

from autoquality_server.config.address import parse_tcp


class StartError(Exception):
    """The server cannot start: one line that says why."""


def check_free(setting: str, address: str) -> None:
    """Raise StartError, naming `setting`, if nobody could listen on `address` now."""
    if address.startswith("unix:"):
        _check_unix(setting, address, address.removeprefix("unix:"))
        return
    tcp = parse_tcp(address)
    family = socket.AF_INET6 if ":" in tcp.host else socket.AF_INET
    try:
        socket.create_server((tcp.host, tcp.port), family=family).close()
    except OSError as error:
        raise cannot_listen(setting, address, error) from None


def cannot_listen(setting: str, address: str, error: OSError) -> StartError:
    """The error for an address that the system refuses."""
    number = error.errno or 0
    # The resolver's own errors are negative, and not all arrive as gaierror.
    why = os.strerror(number).lower() if number > 0 else "no such host"
    return StartError(f"{setting}: cannot listen on {address}: {why}")


def _check_unix(setting: str, address: str, path: str) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(path)
        except ConnectionRefusedError:
            return  # left behind by a server that is gone: gRPC replaces it
        except FileNotFoundError:
            if Path(path).parent.is_dir():
                return
            raise StartError(f"{setting}: cannot listen on {address}: no such folder") from None
        except OSError as error:
            raise cannot_listen(setting, address, error) from None
    raise StartError(f"{setting}: cannot listen on {address}: another server answers there")
