"""A port for all processes, reserved before the first of them starts."""

from __future__ import annotations

import socket
from dataclasses import replace

from autoquality_server.config.address import TcpAddress, cannot_listen, parse_tcp


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
