"""Connections to a server that stop in the middle of a message."""

from __future__ import annotations

import contextlib
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from tests.waiting import GATE_LIMIT, LIMIT, in_background, wait_for


@contextmanager
def slow_line(
    port: int, *, forth: int = sys.maxsize, back: int = sys.maxsize
) -> Iterator[tuple[int, Callable[[], int], threading.Event]]:
    """Lead to `port`; each connection stops after so many bytes to the server, or from it.

    Gives the port to connect to, how many bytes clients sent so far, and what lets connections
    go on.
    """
    sent = list[int]()
    goes_on = threading.Event()

    def carry(source: socket.socket, sink: socket.socket, most: int, count: list[int]) -> None:
        with contextlib.suppress(OSError):
            carried = 0
            while data := source.recv(65536):
                count.append(len(data))
                if carried >= most:
                    wait_for(goes_on, within=GATE_LIMIT)
                sink.sendall(data)
                carried += len(data)

    def accept(listener: socket.socket) -> None:
        with contextlib.suppress(OSError), ExitStack() as stack:
            while True:
                client = stack.enter_context(listener.accept()[0])
                server = stack.enter_context(socket.create_connection(("127.0.0.1", port)))
                for arguments in ((client, server, forth, sent), (server, client, back, [])):
                    threading.Thread(target=carry, args=arguments, daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        accepting = in_background(accept, listener)
        yield listener.getsockname()[1], lambda: sum(sent), goes_on
        goes_on.set()
        listener.shutdown(socket.SHUT_RDWR)
        accepting.result(LIMIT)
