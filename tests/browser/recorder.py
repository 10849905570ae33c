"""A line between a browser and a door on which every byte that the browser sends is kept."""

import base64
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import quote

_CHUNK = 65536
_requests = re.compile(rb"(?:GET|HEAD|POST|PATCH|DELETE) /[!-~]* HTTP/1\.1").findall


@dataclass
class Recorded:
    """What a browser has sent; `base` is where it has to knock.

    After `cut_after` bytes the line breaks; then it refuses as many connections as `refused` says.
    """

    base: str = ""
    sent: bytearray = field(default_factory=bytearray)
    cut_after: int = 0
    refused: int = 0

    def methods(self) -> list[str]:
        """The request lines."""
        return [line.decode() for line in _requests(bytes(self.sent))]

    def holds(self, text: str) -> bool:
        """Whether a text went out, as it is or in a spelling in which browsers send things."""
        data = bytes(self.sent)
        plain = text.encode()
        spelt = [plain, text.encode("utf-16-le"), quote(text).encode(), repr(text)[1:-1].encode()]
        # Base64 of the text at each of the three places it can have in a longer one, without its ends.
        within = [base64.b64encode(b"\0" * shift + plain)[4 if shift else 0 : -4] for shift in range(3)]
        # What is left of a short text stands in sealed bytes by chance.
        return any(each in data for each in (*spelt, *(each for each in within if len(each) >= 8)))


@contextmanager
def recorded(address: str) -> Iterator[Recorded]:
    """A line to a door at http://HOST:PORT."""
    host, port = address.removeprefix("http://").split(":")
    record, listening, ends = Recorded(), socket.create_server(("127.0.0.1", 0)), []

    def serve() -> None:
        with suppress(OSError):
            while True:
                client, _ = listening.accept()
                if record.refused and not record.cut_after:
                    record.refused -= 1
                    client.close()
                    continue
                door = socket.create_connection((host, int(port)))
                ends.extend((client, door))
                for act, given in ((_up, (client, door, record)), (_down, (door, client))):
                    threading.Thread(target=act, args=given, daemon=True).start()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    record.base = f"http://127.0.0.1:{listening.getsockname()[1]}"
    try:
        yield record
    finally:
        with suppress(OSError):
            listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        for each in ends:
            each.close()
        thread.join(10)


def _up(client: socket.socket, door: socket.socket, record: Recorded) -> None:
    with suppress(OSError):
        while data := client.recv(_CHUNK):
            record.sent += data
            if record.cut_after and len(record.sent) > record.cut_after:
                record.cut_after = 0
                door.close()
                client.close()
                return
            door.sendall(data)
        door.shutdown(socket.SHUT_WR)


def _down(door: socket.socket, client: socket.socket) -> None:
    with suppress(OSError):
        while data := door.recv(_CHUNK):
            client.sendall(data)
        client.shutdown(socket.SHUT_WR)
