"""A fake server for the tests of programs that use this client.

It is a real gRPC server with the real contract, on a loopback port. Only the image coding is
fake. It computes plausible answers from the request alone, so the same request always gets the
same answer. It reads the request and the header of the source. From these, it refuses what the
real server refuses, with the same status and field, and adds the same notices. The "files" in its
answers have the right size and a header, but no picture. It needs only the base install.

    from autoquality import Client, OverloadedError
    from autoquality.testing import FakeServer, Fault, png_image
    from autoquality.v1 import encoding_pb2 as pb

    def thumbnail(client: Client, image: bytes) -> bytes | None:
        # The program under test.
        try:
            return client.encode(image, format="webp", target="high").image
        except OverloadedError:
            return None

    def test_a_thumbnail_is_a_webp() -> None:
        with FakeServer() as server, server.client() as client:
            assert thumbnail(client, png_image())
            (call,) = server.requests
            assert call.message.format == pb.FORMAT_WEBP

    def test_a_full_server_makes_no_thumbnail() -> None:
        with FakeServer() as server, server.client(retries=0) as client:
            server.respond(Fault.overloaded(retry_delay=2.0))
            assert thumbnail(client, png_image()) is None

A program that opens its own connection can use `server.target`. docs/client.md has an example.
"""

from autoquality.testing._answers import answer
from autoquality.testing._fault import Fault
from autoquality.testing._image import png_image
from autoquality.testing._server import Answer, FakeServer, Received, Rpc

__all__ = ["Answer", "FakeServer", "Fault", "Received", "Rpc", "answer", "png_image"]
