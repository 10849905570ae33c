"""A proxy on the way to a door that breaks connections, as a Tor circuit does that dies."""

import select
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

_PIECE: Final = 16 * 1024


@dataclass(frozen=True)
class Cut:
    """Break a connection when so many bytes have passed, to the door or back; then do something."""

    after: int
    answers: bool = False
    then: Callable[[], object] = lambda: None


@dataclass
class CuttingProxy:
    """Listens at `address` and passes on to the door that `door()` names at that moment.

    Each connection takes one of `cuts`; those that come when none is left are never broken.
    """

    door: Callable[[], str]
    cuts: list[Cut] = field(default_factory=list)
    broken: int = 0

    @contextmanager
    def listening(self) -> Iterator[str]:
        """The address of the proxy, while it runs."""
        self._threads: list[threading.Thread] = []
        ended, end = socket.socketpair()
        with socket.create_server(("127.0.0.1", 0)) as listener, ended, end:
            self._start(self._accept, listener, ended)
            try:
                yield f"http://127.0.0.1:{listener.getsockname()[1]}"
            finally:
                end.shutdown(socket.SHUT_WR)
                for thread in self._threads:
                    thread.join()

    def _start(self, act: Callable[..., None], *arguments: object) -> None:
        self._threads.append(threading.Thread(target=act, args=arguments))
        self._threads[-1].start()

    def _accept(self, listener: socket.socket, ended: socket.socket) -> None:
        while ended not in select.select([listener, ended], [], [])[0]:
            cut = self.cuts.pop(0) if self.cuts else None
            self._start(self._connect, listener.accept()[0], ended, cut)

    def _connect(self, client: socket.socket, ended: socket.socket, cut: Cut | None) -> None:
        address = urlsplit(self.door())
        # What happens to the sockets themselves is what the client is to cope with.
        with client, suppress(OSError), socket.create_connection((address.hostname, address.port)) as door:
            self._pass_on(client, door, ended, cut)

    def _pass_on(
        self, client: socket.socket, door: socket.socket, ended: socket.socket, cut: Cut | None
    ) -> None:
        other, left = {client: door, door: client}, cut.after if cut else 0
        while True:
            for source in select.select([client, door, ended], [], [])[0]:
                counted = cut is not None and cut.answers == (source is door)
                if source is ended:
                    return
                data = source.recv(min(_PIECE, left) if counted and left else _PIECE)
                if cut is not None and counted and not left:
                    self.broken += 1
                    cut.then()
                    return
                if not data:
                    return
                other[source].sendall(data)
                left -= len(data) if counted else 0
