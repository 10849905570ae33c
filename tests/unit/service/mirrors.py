"""What the tests of mirrors share: a log's door at an address, and a mirror of it."""

import json
import threading
from contextlib import contextmanager
from wsgiref.simple_server import WSGIRequestHandler, make_server

from meyasubako.service.client.http import Http
from meyasubako.service.clocks import system_clock
from meyasubako.service.inspection.mirror import mirror
from meyasubako.service.log.app import create_app
from meyasubako.service.mechanism import Mechanism
from tests.unit.service.doors import NONCES


class Counting:
    """An application that counts what it was asked for, and may answer a path with something else.

    That is bytes, or a JSON object for each seq from which the mechanism's stream is asked for.
    """

    def __init__(self, app):
        self.app, self.asked, self.instead = app, [], {}

    def __call__(self, environ, start):
        path = environ["PATH_INFO"]
        self.asked.append(path)
        instead = self.instead.get(path)
        if isinstance(instead, dict):
            instead = instead.get(environ["QUERY_STRING"].removeprefix("from="))
        if instead is None:
            return self.app(environ, start)
        start("200 OK", [("Content-Type", "application/json")])
        return [instead if isinstance(instead, bytes) else json.dumps(instead).encode()]


class Quiet(WSGIRequestHandler):
    def log_message(self, *words):
        pass


@contextmanager
def served(lived):
    """The log's door of a mechanism at an address."""
    mechanism = Mechanism.open(lived.directory)
    counting = Counting(create_app(mechanism, NONCES))
    server = make_server("127.0.0.1", 0, counting, handler_class=Quiet)
    # Seconds after which it looks whether it is to end.
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", counting
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        mechanism.close()


def fetch(lived, url, out, name="rita", **more):
    key = lived.people[name].signing if name else None
    with Http(url, key=key) as http:
        return mirror(http, out, system_clock().date(), **more)


def files(directory):
    return {
        str(path.relative_to(directory)): path.read_bytes() for path in directory.rglob("*") if path.is_file()
    }
