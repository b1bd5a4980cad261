"""A fake server for the tests of programs that use this client.

It is a real gRPC server on a loopback port that speaks the real schema, so that
a test goes the whole way but for the image coding: the answers are computed
from the request alone, plausible and always the same, and the "files" in them
have the right size and the right first bytes, but no picture. It needs the base
install only.

    from autoquality.testing import FakeServer, Fault

    def test_my_program_shrinks_what_it_uploads():
        with FakeServer() as server, server.client() as client:
            my_program.upload("photo.jpg", client)

            call, = server.requests
            assert call.message.format == pb.FORMAT_WEBP

    def test_my_program_survives_a_full_server():
        with FakeServer() as server, server.client(retries=0) as client:
            server.respond(Fault.overloaded(retry_delay=2.0))
            ...

Programs that open their own connection are given `server.target`.
"""

from autoquality.testing._answers import answer
from autoquality.testing._fault import Fault
from autoquality.testing._server import Answer, FakeServer, Received, Rpc

__all__ = ["Answer", "FakeServer", "Fault", "Received", "Rpc", "answer"]
