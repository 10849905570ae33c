"""A line between a browser and a door on which every byte is counted."""

import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

_CHUNK = 64 * 1024


@dataclass
class Line:
    """How much has passed: bytes that the browser sent, and bytes that it got; headers count."""

    base: str = ""
    sent: int = 0
    got: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def count(self, size: int, *, up: bool) -> None:
        """Note what has just passed."""
        with self._lock:
            if up:
                self.sent += size
            else:
                self.got += size


@contextmanager
def metered(address: str) -> Iterator[Line]:
    """A line to a door at http://HOST:PORT; its `base` is where the browser has to knock."""
    host, port = address.removeprefix("http://").split(":")
    line = Line()

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with socket.create_connection((host, int(port))) as door:
                back = threading.Thread(target=_pass_on, args=(door, self.request, line, False))
                back.start()
                _pass_on(self.request, door, line, True)
                back.join()

    with _Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        line.base = f"http://127.0.0.1:{server.server_address[1]}"
        try:
            yield line
        finally:
            server.shutdown()
            thread.join()


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    # A browser keeps connections open for longer than a test wants to wait.
    block_on_close = False


def _pass_on(source: socket.socket, target: socket.socket, line: Line, up: bool) -> None:
    with suppress(OSError):
        while chunk := source.recv(_CHUNK):
            line.count(len(chunk), up=up)
            target.sendall(chunk)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)
