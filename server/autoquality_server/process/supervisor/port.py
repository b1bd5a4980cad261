"""One port for all processes, taken before the first of them and kept while there are any."""

from __future__ import annotations

import socket

from autoquality_server.config.address import parse_tcp
from autoquality_server.config.listening import cannot_listen


class Reservation:
    """An address that this program's processes may share, and nobody else can have.

    Each process listens on it by itself (SO_REUSEPORT), and the system spreads
    new connections over those that do. The reservation never listens: no
    connection comes to it.
    """

    def __init__(self, setting: str, address: str) -> None:
        """Raises StartError, naming `setting`, if somebody has `address`, a host:port."""
        tcp = parse_tcp(address)
        family = socket.AF_INET6 if ":" in tcp.host else socket.AF_INET
        try:
            # SO_REUSEPORT lets a second server in without a word, and so has to wait
            # until listening without it has shown that there is no first one.
            with socket.create_server((tcp.host, tcp.port), family=family) as alone:
                self.port = int(alone.getsockname()[1])
                alone.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
                self._kept = _kept(family, tcp.host, self.port)
        except OSError as error:
            raise cannot_listen(setting, address, error) from None
        host = f"[{tcp.host}]" if family == socket.AF_INET6 else tcp.host
        self.address = f"{host}:{self.port}"
        """What the processes listen on."""

    def close(self) -> None:
        self._kept.close()


def _kept(family: socket.AddressFamily, host: str, port: int) -> socket.socket:
    kept = socket.socket(family, socket.SOCK_STREAM)
    try:
        if family == socket.AF_INET6:  # as `create_server` does
            kept.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        # SO_REUSEADDR for the connections of a server before us, which outlive it. Left on, it
        # would let others listen beside us while none of our processes does.
        for option in (socket.SO_REUSEADDR, socket.SO_REUSEPORT):
            kept.setsockopt(socket.SOL_SOCKET, option, 1)
        kept.bind((host, port))
        kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)
    except OSError:
        kept.close()
        raise
    return kept
