"""The Tor circuit by which somebody comes, as Tor tells it in front of each connection.

With `HiddenServiceExportCircuitID haproxy` Tor begins every connection to the reporter's door with one line
of the PROXY protocol, version 1, whose source address holds the circuit's number: `fc00:dead:beef:4dad::1:2b`
(tor(1); its 32 bits in two groups). The number means nothing outside of the running Tor: it is used to count,
in memory, and is never written down.

Rules upheld here:

- The line is Tor's to the letter or the connection is refused. It has at most 107 bytes, as is specified.
- It holds for every request of its connection, not for the first alone.
"""

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

ENVIRON: Final = "meyasubako.circuit"
MOST_BYTES: Final = 107
_PREFIX: Final = "fc00:dead:beef:4dad::"
_is_line = re.compile(
    rb"PROXY TCP6 (fc00:dead:beef:4dad::[0-9a-f]{1,4}:[0-9a-f]{1,4}) ::1 [0-9]{1,5} [0-9]{1,5}\r\n"
).fullmatch
_is_address = re.compile(_PREFIX + "([0-9a-f]{1,4}):([0-9a-f]{1,4})").fullmatch


def address_in(line: bytes) -> str | None:
    """The source address of a PROXY line by Tor; None for any other line."""
    found = _is_line(line) if len(line) <= MOST_BYTES else None
    return found[1].decode("ascii") if found else None


def circuit_of(address: str) -> int | None:
    """The circuit's number in such an address; None for any other address."""
    found = _is_address(address)
    return int(found[1], 16) << 16 | int(found[2], 16) if found else None


class Circuits:
    """The WSGI layer that keeps a connection's circuit for the application: `REMOTE_ADDR` is dropped."""

    def __init__(self, app: "WSGIApplication") -> None:
        self._app = app

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """Answer a request."""
        environ[ENVIRON] = circuit_of(str(environ.get("REMOTE_ADDR", "")))
        return self._app(environ, start_response)
