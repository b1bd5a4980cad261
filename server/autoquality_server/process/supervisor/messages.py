"""What supervisor and process tell one another: a line of JSON a message, over a pair of sockets.

To a process        {"tell": 7}            tell your numbers
                    {"drain": true}        finish what was accepted, and end
To the supervisor   {"ready": true}        it serves
                    {"failed": "why", "status": 2}   it cannot start
                    {"told": 7, "numbers": {...}}    its numbers, since the last time
"""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from typing import Any, TypeAlias

Message: TypeAlias = dict[str, Any]

_CHUNK = 2**16


def written(message: Message) -> bytes:
    """A message as it is sent."""
    return json.dumps(message, separators=(",", ":")).encode() + b"\n"


class Reader:
    """Puts messages together of what arrives on a socket, blocking or not."""

    def __init__(self, source: socket.socket) -> None:
        self._source = source
        self._rest = bytearray()
        self.ended = False
        """Whether the other side is gone."""

    def messages(self) -> Iterator[Message]:
        """What has arrived; on a blocking socket also what will, until the other side is gone."""
        while not self.ended:
            try:
                data = self._source.recv(_CHUNK)
            except BlockingIOError:
                return
            except ConnectionError:
                data = b""
            self.ended = not data
            # Only what is new can end a line: a long one comes in many pieces.
            searched = len(self._rest)
            self._rest += data
            while (end := self._rest.find(b"\n", searched)) >= 0:
                line = bytes(self._rest[:end])
                del self._rest[: end + 1]
                searched = 0
                yield json.loads(line)
