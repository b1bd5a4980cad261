"""A DNS server on loopback, for a name whose addresses change."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from dnslib import QTYPE, RR, A
from dnslib.server import BaseResolver, DNSHandler, DNSLogger, DNSRecord, DNSServer

from tests.waiting import LIMIT


class Names(BaseResolver):  # type: ignore[misc]  # dnslib is not typed
    """Resolves every name to `addresses` (IPv4 only), with a TTL of 0."""

    def __init__(self, *addresses: str) -> None:
        self.addresses = list(addresses)
        self.port = 0
        """The port on 127.0.0.1, once it serves."""

    def resolve(self, request: DNSRecord, handler: DNSHandler) -> DNSRecord:
        reply = request.reply()
        if request.q.qtype == QTYPE.A:
            for address in tuple(self.addresses):
                reply.add_answer(RR(request.q.qname, QTYPE.A, rdata=A(address), ttl=0))
        return reply

    def target(self, port: int) -> str:
        """Return a client's target: this server's name, with `port` on each address."""
        return f"dns://127.0.0.1:{self.port}/autoquality.test:{port}"


@contextmanager
def serving(*addresses: str) -> Iterator[Names]:
    """Serve a name with these addresses. They can be changed later."""
    names = Names(*addresses)
    quiet = DNSLogger(logf=lambda _: None)
    server = DNSServer(names, address="127.0.0.1", port=0, logger=quiet)
    names.port = server.server.server_address[1]
    server.start_thread()
    try:
        yield names
    finally:
        server.stop()
        server.server.server_close()
        server.thread.join(LIMIT)
