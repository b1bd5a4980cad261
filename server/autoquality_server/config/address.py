"""Addresses to listen on: a host and a port, or a Unix socket."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from dataclasses import dataclass, replace
from ipaddress import ip_address
from pathlib import Path

_RIGHT = "must be host:port with a port from 0 to 65535"


class StartError(Exception):
    """The server cannot start; the message is one line that says why."""


@dataclass(frozen=True, slots=True)
class TcpAddress:
    """A host (IPv6 without brackets) and a port; with port 0 the system chooses one."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def family(self) -> socket.AddressFamily:
        return socket.AF_INET6 if ":" in self.host else socket.AF_INET

    def covers(self, other: TcpAddress) -> bool:
        """Whether it includes the interface of another address. `::` includes IPv4."""
        every = self.is_every_interface and self.family in (socket.AF_INET6, other.family)
        return every or not self._hosts.isdisjoint(other._hosts)

    @property
    def _hosts(self) -> frozenset[str]:
        """The host in its shortest form; both that `localhost` usually is."""
        if self.host == "localhost":
            return frozenset({"127.0.0.1", "::1"})
        try:
            return frozenset({str(ip_address(self.host))})
        except ValueError:
            return frozenset({self.host})

    @property
    def is_every_interface(self) -> bool:
        return self.host in ("0.0.0.0", "::")  # noqa: S104 - compared with, not listened on


def parse_tcp(text: str) -> TcpAddress:
    """Read `host:port`, `[ipv6]:port` or `:port` (every interface); ValueError otherwise."""
    host, colon, port = text.strip().rpartition(":")
    if not colon or not port.isdecimal() or len(port) > 5 or int(port) > 65535:
        raise ValueError(_RIGHT)
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        raise ValueError(f"{_RIGHT}, an IPv6 host in brackets")
    if any(character.isspace() for character in host) or not _is_name(host):
        raise ValueError(_RIGHT)
    every_interface = "::" if socket.has_dualstack_ipv6() else "0.0.0.0"  # noqa: S104 - requested
    return TcpAddress(host or every_interface, int(port))


def _is_name(host: str) -> bool:
    """Whether a resolver takes the host: no label is empty or longer than 63 characters."""
    try:
        host.encode("idna")
    except UnicodeError:
        return False
    return True


def collide(one: str, other: str) -> bool:
    """Whether a server cannot listen on both addresses."""
    if one.startswith("unix:") or other.startswith("unix:"):
        return _path(one) == _path(other)
    first, second = parse_tcp(one), parse_tcp(other)
    return first.port == second.port != 0 and (first.covers(second) or second.covers(first))


def _path(text: str) -> str:
    """The path of `unix:/path` or `unix:///path`."""
    return text.removeprefix("unix:").removeprefix("//")


def listen_address(text: str) -> str:
    """Read an address for gRPC: `host:port` or `unix:/path`."""
    text = text.strip()
    if text.startswith("unix:"):
        if not _path(text):
            raise ValueError("must be unix:/path with a path")
        return text
    try:
        return str(parse_tcp(text))
    except ValueError as error:
        raise ValueError(f"{error}, or unix:/path") from None


def health_address(text: str) -> str:
    """Read an address as `listen_address` does; empty for none (also `off`)."""
    return _or_off(text, listen_address)


def metrics_address(text: str) -> str:
    """Read `host:port`; empty for none (also `off`)."""

    def checked(text: str) -> str:
        parse_tcp(text)
        return text.strip()

    return _or_off(text, checked)


def _or_off(text: str, parse: Callable[[str], str]) -> str:
    if text.strip().lower() in ("", "off", "none"):
        return ""
    try:
        return parse(text)
    except ValueError as error:
        raise ValueError(f"{error}, or 'off'") from None


def check_free(setting: str, address: str) -> None:
    """Raise StartError, naming `setting`, if `address` is not available now.

    gRPC's own error does not say why, and on a Unix socket in use it reports none.
    """
    if address.startswith("unix:"):
        _check_unix(setting, address, address.removeprefix("unix:"))
        return
    tcp = parse_tcp(address)
    try:
        socket.create_server((tcp.host, tcp.port), family=tcp.family).close()
    except OSError as error:
        raise cannot_listen(setting, address, error) from None


def cannot_listen(setting: str, address: str, error: OSError) -> StartError:
    """Return the error for an address that the system refuses."""
    number = error.errno or 0
    # The resolver's errors are negative, and not all arrive as gaierror. Python's own have none.
    why = os.strerror(number).lower() if number > 0 else "no such host" if number else str(error)
    return StartError(f"{setting}: cannot listen on {address}: {why}")


def _check_unix(setting: str, address: str, path: str) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(path)
        except ConnectionRefusedError:
            return  # left over from a server that has ended: gRPC replaces it
        except FileNotFoundError:
            if Path(path).parent.is_dir():
                return
            raise StartError(f"{setting}: cannot listen on {address}: no such folder") from None
        except OSError as error:
            raise cannot_listen(setting, address, error) from None
    raise StartError(f"{setting}: cannot listen on {address}: another server answers there")


class Reservation:
    """An address that the processes of this program share, and no other program can take.

    Each process listens on it with SO_REUSEPORT, and the kernel spreads new connections over
    them. The reservation itself never listens, so it receives no connection.
    """

    def __init__(self, setting: str, address: str) -> None:
        """Raises StartError, naming `setting`, if `address`, a host:port, is in use."""
        tcp = parse_tcp(address)
        try:
            # With SO_REUSEPORT, a second server would share the port without an error. So first
            # listen without it, which shows that the port is free.
            with socket.create_server((tcp.host, tcp.port), family=tcp.family) as alone:
                self.port = int(alone.getsockname()[1])
                alone.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
                self._socket = _bind(replace(tcp, port=self.port))
        except OSError as error:
            raise cannot_listen(setting, address, error) from None
        self.address = str(replace(tcp, port=self.port))
        """The address for the processes to listen on."""

    def close(self) -> None:
        self._socket.close()


def _bind(tcp: TcpAddress) -> socket.socket:
    bound = socket.socket(tcp.family, socket.SOCK_STREAM)
    try:
        if tcp.family == socket.AF_INET6:  # as `create_server` does
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        # SO_REUSEADDR is needed while connections of a previous server linger. Left on, it would
        # let another program listen on the port while none of our processes does.
        for option in (socket.SO_REUSEADDR, socket.SO_REUSEPORT):
            bound.setsockopt(socket.SOL_SOCKET, option, 1)
        bound.bind((tcp.host, tcp.port))
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)
    except OSError:
        bound.close()
        raise
    return bound
