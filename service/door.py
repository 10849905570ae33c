"""One door's process: a gunicorn that serves one WSGI application on a socket that it inherits.

Rules upheld here:

- The socket is bound by the supervisor and inherited (`fd://N`), so that a door that dies loses no address.
- Applications, and with them stores, are made in the workers, after the fork: nothing is preloaded.
- No command line, configuration file or environment variable of gunicorn's is read. The control socket is
  off, no header of a proxy is believed, no access log exists, and the error log holds classes of errors only.
- Answers that gunicorn itself makes, to requests that are not HTTP, repeat nothing of the request.
- Where Tor tells circuits, a connection that does not begin as Tor's do is refused, and the address that it
  names takes the place of the connection's own (`meyasubako.service.circuits`).
- The form key arrives by an inherited pipe, is read once by this master, and is inherited by its workers; so
  is the memory in which they keep what was taken (`meyasubako.service.nonces`).
- The process ends with its supervisor.
"""

import argparse
import os
import socket
import struct
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from gunicorn import glogging, util  # type: ignore[import-untyped]  # gunicorn has no types
from gunicorn.app.base import BaseApplication  # type: ignore[import-untyped]  # gunicorn has no types
from gunicorn.http import wsgi as gunicorn_wsgi  # type: ignore[import-untyped]  # gunicorn has no types
from gunicorn.http.errors import (  # type: ignore[import-untyped]  # gunicorn has no types
    InvalidProxyLine,
    InvalidResponseHeader,
    InvalidResponseHeaderName,
    ParseException,
)
from gunicorn.workers import gthread  # type: ignore[import-untyped]  # gunicorn has no types
from gunicorn.workers.gthread import ThreadWorker  # type: ignore[import-untyped]  # gunicorn has no types

from meyasubako.service import circuits, web, wsgi
from meyasubako.service.config import Config, Limits
from meyasubako.service.errors import StartError
from meyasubako.service.faults import record
from meyasubako.service.process import DOORS, FORM_KEY_SIZE, GRACE_SECONDS, follow_supervisor

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

# A read or write on a connection that makes no progress for so long is given up.
IDLE_SECONDS: Final = 60

_NOT_OURS: Final = (ConnectionError, BlockingIOError, TimeoutError, web.AbortedResponseError)


def main(arguments: list[str] | None = None) -> None:
    """Serve one door until SIGTERM; what the supervisor runs as `python -m meyasubako.service.door`."""
    parser = argparse.ArgumentParser(prog="meyasubako.service.door")
    parser.add_argument("door", choices=DOORS)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--socket", type=int, required=True)
    parser.add_argument("--supervisor", type=int, required=True)
    parser.add_argument("--nonces", type=int, required=True)
    parser.add_argument("--form-key", type=int)
    parser.add_argument("--test-clock", type=Path)
    options = parser.parse_args(arguments)
    follow_supervisor(options.supervisor)
    form_key = None if options.form_key is None else read_form_key(options.form_key)
    config = Config.load(options.directory)
    # gunicorn has no setting for it: the class that writes answers always names the server.
    gunicorn_wsgi.Response = QuietResponse
    if options.door == "reporter" and config.tor.circuit_id:
        # gunicorn's own reading of this protocol takes lines of any length, and forgets them after a request.
        gthread.TConn = CircuitConnection
    wsgi.read_code(options.door)
    make = partial(
        wsgi.application,
        options.door,
        options.directory,
        nonces=options.nonces,
        form_key=form_key,
        test_clock=options.test_clock,
    )
    Door(make, settings(options.socket, config.limits)).run()


def read_form_key(descriptor: int) -> bytes:
    """The form key from the pipe that the supervisor filled; the pipe is closed."""
    with os.fdopen(descriptor, "rb") as pipe:
        key = pipe.read()
    if len(key) != FORM_KEY_SIZE:
        raise StartError("the supervisor gave no form key")
    return key


def settings(descriptor: int, limits: Limits) -> dict[str, Any]:
    """Every setting of gunicorn's that is not its default, and some that are but must not change."""
    return {
        "bind": [f"fd://{descriptor}"],
        "worker_class": QuietWorker,
        "logger_class": QuietLogger,
        "workers": limits.workers,
        "threads": limits.threads,
        "worker_connections": limits.threads * 8,
        "timeout": 120,
        "graceful_timeout": GRACE_SECONDS,
        "keepalive": 5,
        "preload_app": False,
        "control_socket_disable": True,
        "forwarded_allow_ips": "",
        "forwarder_headers": "",
        "secure_scheme_headers": {},
        "proxy_protocol": "off",
        "accesslog": None,
        "errorlog": "-",
        "loglevel": "warning",
        "sendfile": False,
        "umask": 0o077,
        "limit_request_line": 2048,
        "limit_request_fields": 50,
        "limit_request_field_size": 4096,
    }


class Door(BaseApplication):  # type: ignore[misc]  # gunicorn has no types
    """gunicorn around one application, configured by `settings` alone."""

    def __init__(self, make: Callable[[], "WSGIApplication"], options: Mapping[str, Any]) -> None:
        self._make, self._options = make, options
        super().__init__()

    def load_config(self) -> None:
        """Called by gunicorn in the master."""
        for name, value in self._options.items():
            self.cfg.set(name, value)

    def load(self) -> "WSGIApplication":
        """Called by gunicorn in each worker, after the fork."""
        return self._make()


class QuietLogger(glogging.Logger):  # type: ignore[misc]  # gunicorn has no types
    """gunicorn's error log without what an exception says."""

    def exception(self, msg: str, *args: Any, **_: Any) -> None:
        """Write the class and place of the current exception, not its text, nor what gunicorn says of the
        request.
        """
        del msg, args
        error = sys.exc_info()[1]
        # A client that went away or stood still, or an answer that was cut off and written down where it was.
        if error is not None and not isinstance(error, _NOT_OURS):
            record(error)


class QuietWorker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """A threaded worker with limits on idle connections, whose refusals repeat nothing of the request."""

    def enqueue_req(self, conn: Any) -> None:
        """Hand a connection to the threads, with a limit on each wait for its bytes (both directions)."""
        limit = struct.pack("ll", IDLE_SECONDS, 0)
        for option in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
            conn.sock.setsockopt(socket.SOL_SOCKET, option, limit)
        super().enqueue_req(conn)

    def handle_error(self, req: Any, client: Any, addr: Any, exc: Exception) -> None:
        """Answer what could not be read as HTTP, or what the application could not answer."""
        del req, addr
        ours = isinstance(exc, (InvalidResponseHeader, InvalidResponseHeaderName))
        malformed = isinstance(exc, ParseException) and not ours
        if not malformed and not isinstance(exc, web.AbortedResponseError):
            record(exc)
        status = "400 Bad Request" if malformed else "500 Internal Server Error"
        fields = "".join(f"{name}: {value}\r\n" for name, value in web.headers(web.API_CSP))
        answer = f"HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: 0\r\n{fields}\r\n"
        try:
            util.write_nonblock(client, answer.encode("ascii"))
        except OSError:
            return


class CircuitConnection(gthread.TConn):  # type: ignore[misc]  # gunicorn has no types
    """A connection that Tor begins by naming the circuit, which then stands where its address would."""

    def init(self) -> None:
        """Called by gunicorn in a worker's thread, before the first request is read."""
        if self.initialized:
            return
        super().init()
        source, data = self.parser.unreader, b""
        while b"\n" not in data and len(data) < circuits.MOST_BYTES and (more := source.read()):
            data += more
        line, end, rest = data.partition(b"\n")
        address = circuits.address_in(line + end)
        if address is None:
            raise InvalidProxyLine("")
        source.unread(rest)
        self.client = (address, 0)


class QuietResponse(gunicorn_wsgi.Response):  # type: ignore[misc]  # gunicorn has no types
    """An answer that does not name its server."""

    def default_headers(self) -> list[str]:
        """Gunicorn's own headers without `Server`."""
        return [line for line in super().default_headers() if not line.startswith("Server:")]


if __name__ == "__main__":
    main()
